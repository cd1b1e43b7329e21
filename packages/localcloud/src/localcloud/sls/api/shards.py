"""The operations on shards. Source: SLS API reference, "Shard" and "Consumption"."""

from __future__ import annotations

import base64

from localcloud.kernel.paging import read_number
from localcloud.kernel.values import read_whole
from localcloud.sls.api.calls import Answer, Call, Reply
from localcloud.sls.api.logs import compress
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.shards import MAX_GROUPS, invalid_cursor


def list_shards(call: Call) -> Answer:
    """ListShards."""
    call.allow_on_logstore("ListShards")
    created = int(call.sls.logstore(call.project, call.logstore).created)
    return [
        {
            "shardID": shard.number,
            "status": "readwrite",
            "inclusiveBeginKey": shard.begin,
            "exclusiveEndKey": shard.end,
            "createTime": created,
        }
        for shard in call.sls.shards(call.project, call.logstore)
    ]


def get_cursor(call: Call) -> Answer:
    """GetCursor."""
    call.allow_on_logstore("GetCursorOrData")
    place = (call.project, call.logstore, call.shard or 0)
    match call.query.get("from", ""):
        case "begin":
            cursor = call.sls.begin_cursor(*place)
        case "end":
            cursor = call.sls.end_cursor(*place)
        case moment:
            try:
                cursor = call.sls.cursor_at(*place, read_whole(moment))
            except ValueError as error:
                raise SlsError("ParameterInvalid", f"Parameter From is not valid: {error}") from error
    return {"cursor": _write_cursor(cursor)}


def get_cursor_time(call: Call) -> Answer:
    """GetCursorTime."""
    call.allow_on_logstore("GetCursorOrData")
    cursor = _read_cursor(call.query.get("cursor", ""))
    return {"cursor_time": call.sls.cursor_time(call.project, call.logstore, call.shard or 0, cursor)}


def pull_logs(call: Call) -> Answer:
    """PullLogs."""
    call.allow_on_logstore("GetCursorOrData")
    try:
        count = read_number(call.query.get("count"), default=MAX_GROUPS.stop - 1, allowed=MAX_GROUPS)
    except ValueError as error:
        raise SlsError("ParameterInvalid", f"count: {error}") from error
    end = call.query.get("end_cursor")
    pulled = call.sls.pull(
        call.project,
        call.logstore,
        call.shard or 0,
        begin=_read_cursor(call.query.get("cursor", "")),
        end=_read_cursor(end) if end else None,
        count=count,
    )
    reply = compress(call, pulled.content, "application/x-protobuf")
    more = {"x-log-cursor": _write_cursor(pulled.following), "x-log-count": str(pulled.count)}
    if pulled.last is not None:
        more["x-log-read-last-cursor"] = str(pulled.last)
    return Reply(content=reply.content, headers={**reply.headers, **more})


def _write_cursor(cursor: int) -> str:
    return base64.b64encode(str(cursor).encode()).decode()


def _read_cursor(text: str) -> int:
    try:
        # Nineteen digits: one more than of whole numbers in general.
        digits = base64.b64decode(text.strip(), validate=True).decode("ascii")
        return read_whole(digits[:-1]) * 10 + read_whole(digits[-1:])
    except ValueError as error:
        raise invalid_cursor(text) from error
