"""Web tracking: logs that anybody sends, without a signature, to a logstore that takes them (`enable_tracking`).

By POST several at a time, by GET one in the query.

Sources: SLS API reference, "PutWebtracking"; SLS, "Use web tracking to collect logs".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.sls.api.bodies import inflate
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS, SOURCE, TOPIC, Log, LogGroup
from localcloud.sls.operations.service import SlsService

MAX_BODY = 3 * 1024**2  # bytes, packed and inflated (PutWebtracking)
MAX_LOGS = 10_000  # of a request (assumed)
METHODS = ("GET", "POST", "OPTIONS")
VERSION = "0.6.0"  # of the API, which a request names
# A page of any origin may send logs; the last are what it needs to know for that.
HEADERS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}


def track(
    sls: SlsService,
    project: str,
    logstore: str,
    *,
    now: float,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes | None,
    source: str,
) -> None:
    """Write what a request of web tracking brings.

    Args:
        sls: the domain.
        project: as the host names it.
        logstore: as the path names it.
        now: the time of the logs, in seconds since the epoch.
        query: its parameters.
        headers: by lower-case name.
        body: as sent; None: the log is in the query.
        source: the address that it came from.

    Raises:
        SlsError: Unauthorized (the logstore takes none), ParameterInvalid, or as of PutLogs.
    """
    if not sls.logstore(project, logstore).settings.enable_tracking:
        raise SlsError("Unauthorized", f"web tracking is not enabled for the logstore {logstore}")
    if (query.get("APIVersion") if body is None else headers.get("x-log-apiversion")) != VERSION:
        raise SlsError(
            "ParameterInvalid", f"the version of the API must be {VERSION}: APIVersion, or x-log-apiversion of a POST"
        )
    given = _of_query(query) if body is None else _of_body(inflate(body, headers, limit=MAX_BODY))
    logs = [_read_log(each, int(now * NANOSECONDS)) for each in given["__logs__"]]
    tags = [(name, _text(value)) for name, value in given["__tags__"].items()]
    group = LogGroup(topic=given[TOPIC], source=given[SOURCE] or source, tags=tags, logs=logs)
    sls.put_logs(project, logstore, group, source=source)


def _of_query(query: Mapping[str, str]) -> dict[str, Any]:
    special = {TOPIC, SOURCE, "APIVersion"}
    log = {name: value for name, value in query.items() if name not in special}
    return {TOPIC: query.get(TOPIC, ""), SOURCE: query.get(SOURCE, ""), "__logs__": [log], "__tags__": {}}


def _of_body(body: bytes) -> dict[str, Any]:
    try:
        given = read_json(body)
    except ValueError as error:
        raise SlsError("PostBodyInvalid", f"The request body is not valid JSON object: {error}.") from error
    expected: dict[str, Any] = {TOPIC: "", SOURCE: "", "__logs__": [], "__tags__": {}}
    if not isinstance(given, dict) or given.keys() - expected.keys():
        raise SlsError("PostBodyInvalid", f"the body must be an object of {', '.join(expected)}")
    for name, empty in expected.items():
        if type(given.setdefault(name, empty)) is not type(empty):
            raise SlsError("PostBodyInvalid", f"{name} is not of the right type")
    if len(given["__logs__"]) > MAX_LOGS or not all(isinstance(each, dict) for each in given["__logs__"]):
        raise SlsError("PostBodyInvalid", f"__logs__ must be {MAX_LOGS} objects at most")
    return given


def _read_log(given: Mapping[str, Any], moment: int) -> Log:
    return Log(time=moment, contents=[(name, _text(value)) for name, value in given.items() if name != "__time__"])


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
