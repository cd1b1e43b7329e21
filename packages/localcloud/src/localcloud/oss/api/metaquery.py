"""The index of a bucket's metadata, in the mode `basic`: OpenMetaQuery, GetMetaQueryStatus, DoMetaQuery, CloseMetaQuery.

Queries ask the objects themselves, so that they see each change at once. For a second after it was opened the index is `Ready`, as
OSS's is for some minutes, then `Running`; it answers all the same, as the suite of OSS's second SDK for Python expects. The mode
`semantic` and the further actions of DoMetaQueryAction are refused.

Source: OSS, OpenMetaQuery, GetMetaQueryStatus, DoMetaQuery, CloseMetaQuery, DoMetaQueryAction; "EC error codes", 0037-00000005.
"""

from __future__ import annotations

from aiohttp import web

from localcloud.kernel.turns import Turns
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.metaquery import Query, aggregate, describe, find_page, read_query, to_beijing
from localcloud.oss.model import Bucket

OPENED = "metaQuery"  # among a bucket's settings: when the index was opened, in seconds since the epoch
PREPARATION = 1.0  # seconds
AT_ONCE = 2  # queries, one of each caller; others wait

_turns = Turns(AT_ONCE)


async def change(call: Call) -> web.StreamResponse:
    """OpenMetaQuery, CloseMetaQuery, DoMetaQuery, and DoMetaQueryAction, which has a parameter `action`."""
    if "action" in call.query:
        call.require("DoMetaQueryAction")
        raise OssError("OperationNotSupported", "The operation is not supported for this resource", ec="0037-00000001")
    if call.query.get("mode", "basic") != "basic":
        raise OssError("NotImplemented", f"not implemented: ?metaQuery&mode={call.query['mode'][:40]}")
    match call.query.get("comp"):
        case "add":
            call.require("OpenMetaQuery")
            await call.run(call.buckets.change_setting, call.bucket, OPENED, lambda bucket: _open(call, bucket))
        case "delete":
            call.require("CloseMetaQuery")
            await call.run(call.buckets.change_setting, call.bucket, OPENED, _close)
        case "query":
            call.require("DoMetaQuery")
            return await _query(call)
        case other:
            raise OssError("NotImplemented", f"not implemented: ?metaQuery&comp={(other or '')[:40]}")
    return web.Response()


async def status(call: Call) -> web.StreamResponse:
    """GetMetaQueryStatus."""
    opened = _opened(call.holder)
    ready = call.guard.clock() < opened + PREPARATION
    return xml_response(
        "MetaQueryStatus",
        {
            "State": "Ready" if ready else "Running",
            "Phase": "FullScanning" if ready else "IncrementalScanning",
            "CreateTime": to_beijing(opened),
            "UpdateTime": to_beijing(opened),
            "MetaQueryMode": "basic",
        },
    )


async def _query(call: Call) -> web.StreamResponse:
    _opened(call.holder)
    query = read_query(call.body)
    async with _turns.of(call.caller.identity.principal if call.caller else ""):
        return await call.run(_answer, call, query)


def _answer(call: Call, query: Query) -> web.Response:
    items = call.oss.objects.all(call.bucket)
    if query.aggregations:
        found: dict[str, object] = {
            "NextToken": "",
            "Files": "",
            "Aggregations": {"Aggregation": aggregate(query, items)},
        }
    else:
        page = find_page(query, items)
        found = {"NextToken": page.next_token, "Files": {"File": [describe(item) for item in page.items]}}
    return xml_response("MetaQuery", found)


def _open(call: Call, bucket: Bucket) -> str:
    if OPENED in bucket.settings:
        raise OssError("MetaQueryAlreadyExist", "The bucket has a meta query already: close it first.")
    return str(call.guard.clock())


def _close(bucket: Bucket) -> None:
    _opened(bucket)


def _opened(bucket: Bucket) -> float:
    """Return when a bucket's index was opened.

    Raises:
        OssError: MetaQueryNotExist.
    """
    if OPENED not in bucket.settings:
        raise OssError("MetaQueryNotExist", "The specified meta query does not exist: open it first.")
    return float(bucket.settings[OPENED])
