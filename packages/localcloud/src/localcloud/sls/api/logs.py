"""The operations on logs. Sources: SLS API reference, "Log"; logclient.py of aliyun-log-python-sdk; aliyun-log-go-sdk."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping

from localcloud.kernel.values import read_whole
from localcloud.sls import compression
from localcloud.sls.api.bodies import inflate
from localcloud.sls.api.calls import Answer, Call, Reply
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS
from localcloud.sls.operations.logs import Page, Search
from localcloud.sls.search.matching import Fields
from localcloud.sls.wire import read_group

MAX_RAW = 10 * 1024**2  # bytes of a log group (PutLogs)
MAX_LOGS = 40_960  # of a log group; the embedded cloud's own limit: SLS counts bytes alone
MAX_LINES = 100  # of an answer (GetLogs, line)
_HASH_KEY = re.compile(r"[0-9A-Fa-f]{1,32}", re.ASCII)
_ENDLESS = 10**9
# What a request may say besides, without effect: the order is exact anyway, and there are no analytic statements.
IDLE = frozenset({"accurate", "isAccurate", "powerSql", "forward"})
SEARCHED = frozenset({"from", "fromNs", "to", "toNs", "topic", "query"})
PAGED = SEARCHED | IDLE | {"line", "offset", "reverse", "highlight", "session"}
COUNTED = SEARCHED | {"accurate", "interval"}


def put_logs(call: Call) -> Answer:
    """PutLogs."""
    call.allow_on_logstore("PostLogStoreLogs")
    if call.headers.get("content-type", "").partition(";")[0].strip() != "application/x-protobuf":
        raise SlsError("InvalidContentType", "Content-Type must be application/x-protobuf")
    key = read_key(call.query.get("key"))
    try:
        group = read_group(inflate(call.body, call.headers, limit=MAX_RAW), max_logs=MAX_LOGS)
    except OverflowError as error:
        raise SlsError("PostBodyTooLarge", f"the log group has {error}", 400) from error
    except ValueError as error:
        raise SlsError("PostBodyInvalid", f"Protobuffer content cannot be parsed: {error}") from error
    call.sls.put_logs(
        call.project,
        call.logstore,
        group,
        key=key,
        source=call.caller.conditions.get("acs:SourceIp", ""),
    )
    return None


def read_key(text: str | None) -> int | None:
    """Return the hash key that a request names; None: it names none.

    Raises:
        SlsError: ParameterInvalid.
    """
    if text is not None and not _HASH_KEY.fullmatch(text):
        raise SlsError("ParameterInvalid", "key is no hash key of 32 hexadecimal digits at most")
    return None if text is None else int(text.ljust(32, "0"), 16)


def get_logs(call: Call) -> Answer:
    """GetLogs."""
    began = time.monotonic()
    call.allow_on_logstore("GetLogStoreLogs")
    page = _find(call, call.query)
    meta = _describe(call.query, page, began)
    headers = {
        "x-log-progress": meta["progress"],
        "x-log-count": meta["count"],
        "x-log-processed-rows": meta["processedRows"],
        "x-log-elapsed-millisecond": meta["elapsedMillisecond"],
        "x-log-has-sql": "false",
        "x-log-where-query": json.dumps(meta["whereQuery"])[1:-1],  # a query may hold what no header may
        "x-log-agg-query": "",
        "x-log-cpu-sec": 0,
        "x-log-cpu-cores": 0,
    }
    # Written here, in the search's own thread: an answer may be large.
    content = json.dumps([_write(*log) for log in page.logs]).encode()
    kind = {"Content-Type": "application/json"}
    return Reply(content=content, headers={**kind, **{name: str(value) for name, value in headers.items()}})


def get_logs_v2(call: Call) -> Answer:
    """GetLogsV2."""
    began = time.monotonic()
    call.allow_on_logstore("GetLogStoreLogs")
    body = call.read_body()
    if ignored := sorted(body.keys() - PAGED):
        raise SlsError("ParameterInvalid", f"not implemented: the element {ignored[0][:80]}")
    page = _find(call, body)
    document = {"meta": _describe(body, page, began), "data": [_write(*log) for log in page.logs]}
    return compress(call, json.dumps(document).encode(), "application/json")


def get_histograms(call: Call) -> Answer:
    """GetHistograms."""
    call.allow_on_logstore("GetLogStoreHistogram")
    search = _read_search(call.query)
    intervals = call.sls.histogram(
        call.project, call.logstore, search, step=_number(call.query, "interval", range(_ENDLESS))
    )
    headers = {
        "x-log-progress": _progress(all(each.complete for each in intervals)),
        "x-log-count": str(sum(each.count for each in intervals)),
    }
    content = [
        {"from": each.begin, "to": each.end, "count": each.count, "progress": _progress(each.complete)}
        for each in intervals
    ]
    return Reply(content=content, headers=headers)


def compress(call: Call, content: bytes, kind: str) -> Reply:
    """Return an answer as its caller accepts it: compressed by the first kind of `compression.ANSWERS`, or as it is.

    Args:
        call: the call.
        content: the answer's body.
        kind: its media type.
    """
    accepted = re.split(r"[,;\s]+", call.headers.get("accept-encoding", "").lower())
    packing = next((each for each in compression.ANSWERS if each in accepted), "")
    headers = {"Content-Type": kind, "x-log-bodyrawsize": str(len(content))}
    if packing:
        headers["x-log-compresstype"] = packing
        content = compression.deflate(content, packing)
    return Reply(content=content, headers=headers)


def _find(call: Call, given: Mapping[str, object]) -> Page:
    if given.get("session") or _flag(given, "highlight"):
        name = "session" if given.get("session") else "highlight"
        raise SlsError("NotImplemented", f"not implemented: GetLogs with {name}")
    line = _number(given, "line", range(MAX_LINES + 1), MAX_LINES)
    offset = _number(given, "offset", range(_ENDLESS))
    return call.sls.get_logs(
        call.project, call.logstore, _read_search(given), offset=offset, line=line, reverse=_flag(given, "reverse")
    )


def _read_search(given: Mapping[str, object]) -> Search:
    texts = {}
    for name in ("topic", "query"):
        value = given.get(name)
        if value is not None and not isinstance(value, str):
            raise SlsError("ParameterInvalid", f"{name} is not of the right type")
        texts[name] = value or ""
    for name in ("from", "to"):
        if given.get(name) is None:
            raise SlsError("ParameterInvalid", f"{name} is missing")
    begin, end = (_number(given, name, range(2**32)) for name in ("from", "to"))
    begin_part, end_part = (_number(given, name, range(NANOSECONDS)) for name in ("fromNs", "toNs"))
    return Search(
        begin=begin * NANOSECONDS + begin_part,
        end=end * NANOSECONDS + end_part,
        topic=texts["topic"],
        query=texts["query"],
    )


def _number(given: Mapping[str, object], name: str, allowed: range, default: int = 0) -> int:
    value = given.get(name)
    if value is None:
        return default
    try:
        number = read_whole(value) if isinstance(value, str) else value
    except ValueError as error:
        raise SlsError("ParameterInvalid", f"{name}: {error}") from error
    if type(number) is not int or number not in allowed:
        raise SlsError("ParameterInvalid", f"{name} is invalid: it must be {allowed.start} to {allowed.stop - 1}")
    return number


def _flag(given: Mapping[str, object], name: str) -> bool:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise SlsError("ParameterInvalid", f"{name} is invalid: it must be true or false")


def _progress(complete: bool) -> str:
    return "Complete" if complete else "Incomplete"


def _describe(given: Mapping[str, object], page: Page, began: float) -> dict[str, object]:
    return {
        "progress": _progress(page.complete),
        "count": len(page.logs),
        "processedRows": page.examined,
        "elapsedMillisecond": int((time.monotonic() - began) * 1000),
        "hasSQL": False,
        "whereQuery": given.get("query") or "",
        "aggQuery": "",
        "cpuSec": 0,
        "cpuCores": 0,
        "limited": 0,
        "processedBytes": 0,
        "telementryType": "",
        "powerSql": False,
        "insertedSQL": "",
        "isAccurate": True,
        "mode": 0,
        "terms": [],
    }


def _write(moment: int, fields: Fields) -> dict[str, str]:
    seconds, nanoseconds = divmod(moment, NANOSECONDS)
    times = {"__time__": str(seconds)}
    if nanoseconds:
        times["__time_ns_part__"] = str(nanoseconds)
    return {**{_text(name): _text(value) for name, value in fields}, **times}


def _text(text: str) -> str:
    """Return a text without the bytes in it that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
