"""Tasks that change the redundancy of a bucket's data: begun, told, listed and taken back.

Source: OSS, CreateBucketDataRedundancyTransition and its neighbours, ListUserDataRedundancyTransition.
"""

from __future__ import annotations

from aiohttp import web

from localcloud.kernel.paging import page_after
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.redundancy import TASK, begin_task, end_task, find_task, task_of

_TASK_ID = "x-oss-redundancy-transition-taskid"  # query parameter
_ROOT = "BucketDataRedundancyTransition"
_LIST = f"List{_ROOT}"
MAX_PAGE = 100


async def begin(call: Call) -> web.StreamResponse:
    """CreateBucketDataRedundancyTransition."""
    change = begin_task(call.query.get("x-oss-target-redundancy-type", ""), call.guard.clock())
    await call.run(call.buckets.change_setting, call.bucket, TASK, change)
    task = task_of(call.holder)
    if task is None:  # it was taken back meanwhile
        raise OssError("NoSuchBucketDataRedundancyTransitionTask", "The task was deleted while it began.")
    return xml_response(_ROOT, {"TaskId": task.task_id})


async def tell(call: Call) -> web.StreamResponse:
    """GetBucketDataRedundancyTransition and ListBucketDataRedundancyTransition: the former names a task."""
    bucket = call.holder
    if _TASK_ID not in call.query:
        call.require(_LIST)
        return _list(call, [bucket])
    call.require(f"Get{_ROOT}")
    return xml_response(_ROOT, find_task(bucket, call.query[_TASK_ID]).describe(bucket.name, call.guard.clock()))


async def list_all(call: Call) -> web.StreamResponse:
    """ListUserDataRedundancyTransition."""
    return _list(call, call.buckets.all())


async def end(call: Call) -> web.StreamResponse:
    """DeleteBucketDataRedundancyTransition."""
    change = end_task(call.query.get(_TASK_ID, ""), call.guard.clock())
    await call.run(call.buckets.change_setting, call.bucket, TASK, change)
    return web.Response(status=204)


def _list(call: Call, buckets: list[Bucket]) -> web.StreamResponse:
    limit, token = call.number("max-keys", MAX_PAGE, 1, MAX_PAGE), call.query.get("continuation-token", "")
    having = [bucket for bucket in buckets if task_of(bucket) is not None]
    page = page_after(having, token, limit, name=lambda bucket: bucket.name)
    tasks = [(bucket, task) for bucket in page.items if (task := task_of(bucket)) is not None]
    return xml_response(
        _LIST,
        {
            "IsTruncated": bool(page.rest),
            "NextContinuationToken": page.items[-1].name if page.rest else None,
            _ROOT: [task.describe(bucket.name, call.guard.clock()) for bucket, task in tasks],
        },
    )
