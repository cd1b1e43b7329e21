"""The operations on shards. Source: SLS API reference, "Shard" and "Consumption"."""

from __future__ import annotations

from localcloud.kernel.paging import read_number
from localcloud.kernel.values import read_whole
from localcloud.sls.api.calls import Answer, Call, Reply
from localcloud.sls.api.logs import compress, read_key
from localcloud.sls.cursors import read_cursor, write_cursor
from localcloud.sls.errors import SlsError
from localcloud.sls.model import KEYS, SPLIT_SHARDS, Shard
from localcloud.sls.operations.shards import MAX_GROUPS


def list_shards(call: Call) -> Answer:
    """ListShards."""
    call.allow_on_logstore("ListShards")
    return [_write(shard) for shard in call.sls.shards(call.project, call.logstore)]


def split_shard(call: Call) -> Answer:
    """SplitShard."""
    call.allow_on_logstore("SplitShard")
    key = read_key(call.query.get("key") or None)
    count = _read_number(call, "shardCount", 2, SPLIT_SHARDS)
    shards = call.sls.split_shard(call.project, call.logstore, call.shard or 0, key=key, count=count)
    return [_write(shard) for shard in shards]


def merge_shards(call: Call) -> Answer:
    """MergeShard."""
    call.allow_on_logstore("MergeShard")
    return [_write(shard) for shard in call.sls.merge_shards(call.project, call.logstore, call.shard or 0)]


def _write(shard: Shard) -> dict[str, object]:
    return {
        "shardID": shard.number,
        "status": "readwrite" if shard.closed is None else "readonly",
        "inclusiveBeginKey": f"{shard.begin:032x}",
        "exclusiveEndKey": f"{min(shard.end, KEYS - 1):032x}",
        "createTime": int(shard.created),
    }


def _read_number(call: Call, name: str, default: int, allowed: range) -> int:
    try:
        return read_number(call.query.get(name), default=default, allowed=allowed)
    except ValueError as error:
        raise SlsError("ParameterInvalid", f"{name}: {error}") from error


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
    return {"cursor": write_cursor(cursor)}


def get_cursor_time(call: Call) -> Answer:
    """GetCursorTime."""
    call.allow_on_logstore("GetCursorOrData")
    cursor = read_cursor(call.query.get("cursor", ""))
    return {"cursor_time": call.sls.cursor_time(call.project, call.logstore, call.shard or 0, cursor)}


def pull_logs(call: Call) -> Answer:
    """PullLogs."""
    call.allow_on_logstore("GetCursorOrData")
    count = _read_number(call, "count", MAX_GROUPS.stop - 1, MAX_GROUPS)
    end = call.query.get("end_cursor")
    pulled = call.sls.pull(
        call.project,
        call.logstore,
        call.shard or 0,
        begin=read_cursor(call.query.get("cursor", "")),
        end=read_cursor(end) if end else None,
        count=count,
    )
    reply = compress(call, pulled.content, "application/x-protobuf")
    more = {"x-log-cursor": write_cursor(pulled.following), "x-log-count": str(pulled.count)}
    if pulled.last is not None:
        more["x-log-read-last-cursor"] = str(pulled.last)
    return Reply(content=reply.content, headers={**reply.headers, **more})
