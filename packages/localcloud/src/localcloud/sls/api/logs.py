"""The operations on logs. Sources: SLS API reference, "Log"; logclient.py of aliyun-log-python-sdk; aliyun-log-go-sdk."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcloud.kernel.values import read_whole
from localcloud.sls import compression
from localcloud.sls.analysis.process import Analysis
from localcloud.sls.api.bodies import inflate
from localcloud.sls.api.calls import Answer, Call, Reply
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS, SOURCE
from localcloud.sls.operations.logs import Search
from localcloud.sls.search.matching import Fields
from localcloud.sls.search.parsing import split
from localcloud.sls.wire import read_group

MAX_RAW = 10 * 1024**2  # bytes of a log group (PutLogs)
MAX_LOGS = 40_960  # of a log group; the embedded cloud's own limit: SLS counts bytes alone
MAX_HEADER = 4096  # characters of a query in a header of an answer
MAX_LINES = 100  # of an answer (GetLogs, line)
_HASH_KEY = re.compile(r"[0-9A-Fa-f]{1,32}", re.ASCII)
_ENDLESS = 10**9
_END = 2**32 * NANOSECONDS  # a moment after all logs
# What a request may say besides, without effect: the order is exact anyway, and all analyses have the same means.
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
    found = _answer(call, call.query)
    return _reply(found, _describe(found, began))


def get_logs_v2(call: Call) -> Answer:
    """GetLogsV2."""
    began = time.monotonic()
    call.allow_on_logstore("GetLogStoreLogs")
    body = call.read_body()
    if ignored := sorted(body.keys() - PAGED):
        raise SlsError("ParameterInvalid", f"not implemented: the element {ignored[0][:80]}")
    found = _answer(call, body)
    document = {"meta": _describe(found, began), "data": found.rows}
    return compress(call, json.dumps(document).encode(), "application/json")


def get_project_logs(call: Call) -> Answer:
    """GetProjectLogs: a statement that names its logstores, of those that its caller may read, and the time of their logs."""
    began = time.monotonic()
    statement = call.query.get("query", "")
    named = _named(call, statement)
    if not named and not any(_may_read(call, each.name) for each in call.sls.logstores(call.project)):
        call.allow("GetLogStoreLogs", f"project/{call.project}/logstore/*")
    analysis = call.sls.analyze(call.project, Search(begin=0, end=_END), statement, among=named)
    found = _found(analysis, "", statement, {})
    return _reply(found, _describe(found, began))


def _named(call: Call, statement: str) -> list[str]:
    """Return the logstores that a statement may be about, as far as its caller may read them."""
    names = [logstore.name for logstore in call.sls.logstores(call.project) if logstore.name in statement]
    return [name for name in names if _may_read(call, name)]


def _may_read(call: Call, logstore: str) -> bool:
    return call.may("GetLogStoreLogs", f"project/{call.project}/logstore/{logstore}")


def get_histograms(call: Call) -> Answer:
    """GetHistograms."""
    call.allow_on_logstore("GetLogStoreHistogram")
    search, _ = _read_search(call.query)  # the logs that an analytic statement is about are what is counted
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """An answer of GetLogs, in any of its forms."""

    rows: Sequence[Mapping[str, str]]
    examined: int  # logs
    complete: bool
    search: str
    statement: str | None = None  # None: there is none, nor what follows
    columns: Sequence[str] = ()
    types: Sequence[str] = ()
    limit: int = 0


def _answer(call: Call, given: Mapping[str, object]) -> _Found:
    if given.get("session") or _flag(given, "highlight"):
        name = "session" if given.get("session") else "highlight"
        raise SlsError("NotImplemented", f"not implemented: GetLogs with {name}")
    search, statement = _read_search(given)
    if statement is not None:
        others = [name for name in _named(call, statement) if name != call.logstore]
        analysis = call.sls.analyze(call.project, search, statement, logstore=call.logstore, among=others)
        # As SLS has it, each row is a log, too: of no source, and of the time at which the search begins.
        log = {SOURCE: "", "__time__": str(search.begin // NANOSECONDS)}
        return _found(analysis, search.query, statement, log)
    line = _number(given, "line", range(MAX_LINES + 1), MAX_LINES)
    offset = _number(given, "offset", range(_ENDLESS))
    page = call.sls.get_logs(
        call.project, call.logstore, search, offset=offset, line=line, reverse=_flag(given, "reverse")
    )
    rows = [_write(*log) for log in page.logs]
    return _Found(rows=rows, examined=page.examined, complete=page.complete, search=search.query)


def _found(analysis: Analysis, search: str, statement: str, log: Mapping[str, str]) -> _Found:
    return _Found(
        rows=[{**log, **dict(zip(analysis.columns, row, strict=True))} for row in analysis.rows],
        examined=analysis.examined,
        complete=analysis.complete,
        search=search,
        statement=statement,
        columns=analysis.columns,
        types=analysis.types,
        limit=analysis.limit,
    )


def _read_search(given: Mapping[str, object]) -> tuple[Search, str | None]:
    """Return the search that a request asks for, and its analytic statement; None: there is none."""
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
    query, statement = split(texts["query"])
    if statement is not None and not query:
        raise SlsError("ParameterInvalid", "sql query must follow search query,please read syntax doc")
    search = Search(
        begin=begin * NANOSECONDS + begin_part, end=end * NANOSECONDS + end_part, topic=texts["topic"], query=query
    )
    return search, statement


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


def _describe(found: _Found, began: float) -> dict[str, object]:
    has_sql = found.statement is not None
    return {
        "progress": _progress(found.complete),
        "count": len(found.rows),
        "processedRows": found.examined,
        "elapsedMillisecond": int((time.monotonic() - began) * 1000),
        "hasSQL": has_sql,
        "whereQuery": found.search,
        "aggQuery": found.statement or "",
        "cpuSec": 0,
        "cpuCores": 0,
        "limited": found.limit,
        "processedBytes": 0,
        "telementryType": "",
        "powerSql": False,
        "insertedSQL": "",
        "isAccurate": not has_sql or found.complete,
        "mode": 0,
        "terms": [],
        **({"keys": found.columns, "columnTypes": found.types} if has_sql else {}),
    }


def _reply(found: _Found, meta: Mapping[str, object]) -> Reply:
    """Return an answer whose description is in its headers."""
    headers = {
        "x-log-progress": meta["progress"],
        "x-log-count": meta["count"],
        "x-log-processed-rows": meta["processedRows"],
        "x-log-elapsed-millisecond": meta["elapsedMillisecond"],
        "x-log-has-sql": "true" if meta["hasSQL"] else "false",
        "x-log-where-query": _header(found.search),
        "x-log-agg-query": _header(found.statement or ""),
        "x-log-cpu-sec": 0,
        "x-log-cpu-cores": 0,
    }
    if found.statement is not None:
        info = {"keys": found.columns, "columnTypes": found.types, "limited": str(found.limit), "mode": 0, "terms": []}
        headers["x-log-query-info"] = json.dumps({**info, "isAccurate": int(found.complete)})
    # Written here, in the search's own thread: an answer may be large.
    content = json.dumps(found.rows).encode()
    kind = {"Content-Type": "application/json"}
    return Reply(content=content, headers={**kind, **{name: str(value) for name, value in headers.items()}})


def _header(query: str) -> str:
    """Return a query, which may hold what no header may, and more than one has room for, as one has it."""
    return json.dumps(query)[1:-1][:MAX_HEADER]


def _write(moment: int, fields: Fields) -> dict[str, str]:
    seconds, nanoseconds = divmod(moment, NANOSECONDS)
    times = {"__time__": str(seconds)}
    if nanoseconds:
        times["__time_ns_part__"] = str(nanoseconds)
    return {**{_text(name): _text(value) for name, value in fields}, **times}


def _text(text: str) -> str:
    """Return a text without the bytes in it that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
