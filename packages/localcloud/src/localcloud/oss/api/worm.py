"""The retention policy of a bucket."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import document_response
from localcloud.oss.api.call import Call
from localcloud.oss.model import Bucket
from localcloud.oss.settings import worm


async def initiate_worm(call: Call) -> web.StreamResponse:
    """InitiateBucketWorm."""
    made: list[worm.Retention] = []

    def change(bucket: Bucket) -> str:
        made[:] = [worm.initiate(bucket, call.body, call.guard.clock())]
        return made[0].document()

    await call.run(call.buckets.change_setting, call.bucket, worm.PARAMETER, change)
    return web.Response(headers={"x-oss-worm-id": made[0].worm_id})


async def complete_worm(call: Call) -> web.StreamResponse:
    """CompleteBucketWorm."""

    def change(bucket: Bucket) -> str:
        return worm.complete(bucket, call.query["wormId"], call.guard.clock()).document()

    await call.run(call.buckets.change_setting, call.bucket, worm.PARAMETER, change)
    return web.Response()


async def extend_worm(call: Call) -> web.StreamResponse:
    """ExtendBucketWorm."""

    def change(bucket: Bucket) -> str:
        return worm.extend(bucket, call.query.get("wormId", ""), call.body, call.guard.clock()).document()

    await call.run(call.buckets.change_setting, call.bucket, worm.PARAMETER, change)
    return web.Response()


async def abort_worm(call: Call) -> web.StreamResponse:
    """AbortBucketWorm."""

    def change(bucket: Bucket) -> None:
        worm.check_abort(bucket, call.guard.clock())

    await call.run(call.buckets.change_setting, call.bucket, worm.PARAMETER, change)
    return web.Response(status=204)


async def get_worm(call: Call) -> web.StreamResponse:
    """GetBucketWorm."""
    return document_response(worm.existing(call.holder, call.guard.clock()).document())
