"""Logs of Log Service (SLS): one signed request, for which its SDK, with libraries of its own for compression, would be much.

Sources: SLS API reference, "GetLogs" and "Request signatures" (version 4); `auth.py` of aliyun-log-python-sdk.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from heavylift.clouds.sdkerrors import shorten
from heavylift.errors import HeavyliftError

if TYPE_CHECKING:
    from heavylift.clouds.session import Session

PAGE = 100  # logs of an answer, at most (GetLogs, line)
PATIENCE = 30  # times that an answer may be incomplete before the next is taken as it is
PAUSE = 0.5  # seconds between two of them
TIMEOUT = (10, 90)  # seconds to connect, and to wait for an answer
_VERSION = "SLS4-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Logstore:
    """A logstore of Log Service."""

    project: str
    name: str


def find_latest(session: Session, logstore: Logstore, query: str, *, since: int) -> Iterator[Mapping[str, str]]:
    """Yield the logs that a query finds, the latest first.

    Args:
        session: a region, where the logstore is.
        logstore: the logstore; it needs an index.
        query: in the search syntax of Log Service.
        since: seconds since the epoch.

    Raises:
        HeavyliftError: Log Service refuses, or does not answer.
    """
    span = {"type": "log", "from": str(since), "to": str(int(time.time()) + 1), "query": query, "reverse": "true"}
    offset = 0
    while True:
        logs = _find_page(session, logstore, {**span, "line": str(PAGE), "offset": str(offset)})
        yield from logs
        if len(logs) < PAGE:
            return
        offset += PAGE


def _find_page(session: Session, logstore: Logstore, parameters: Mapping[str, str]) -> list[Mapping[str, str]]:
    import requests

    host, path = f"{logstore.project}.{session.region}.log.aliyuncs.com", f"/logstores/{logstore.name}"
    for attempt in range(PATIENCE):
        headers = _sign(session, host, path, parameters)
        try:
            answer = requests.get(
                f"https://{host}{path}", params=parameters, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
            content = answer.json()
        except requests.RequestException as error:
            raise HeavyliftError(
                f"Log Service does not answer ({shorten(str(error))}); check the network and the region's name, and try again"
            ) from error
        if answer.status_code != 200:
            raise HeavyliftError(
                f"Log Service refused to read {logstore.project}/{logstore.name}: {content.get('errorCode')}: "
                f"{content.get('errorMessage')}"
            )
        if answer.headers.get("x-log-progress") == "Complete" or attempt + 1 == PATIENCE:
            break
        time.sleep(PAUSE)
    return list(content)


def _sign(session: Session, host: str, path: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a GET request, with its signature."""
    key = session.credentials.get_credential()
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "host": host,
        "x-log-apiversion": "0.6.0",
        "x-log-bodyrawsize": "0",
        "x-log-content-sha256": _EMPTY,
        "x-log-date": moment,
    }
    if key.security_token:
        headers["x-acs-security-token"] = key.security_token
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(parameters.items()))
    names = sorted(headers)
    lines = ["GET", path, query, *(f"{name}:{headers[name]}" for name in names), "", ";".join(names), _EMPTY]
    scope = f"{moment[:8]}/{session.region}/sls/aliyun_v4_request"
    text = "\n".join([_VERSION, moment, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    secret = f"aliyun_v4{key.access_key_secret}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return {**headers, "Authorization": f"{_VERSION} Credential={key.access_key_id}/{scope},Signature={signature}"}
