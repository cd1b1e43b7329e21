"""DeleteBucketTags: all of them, or those whose keys the query names."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.call import Call
from localcloud.oss.model import Bucket
from localcloud.oss.settings.tags import without


async def delete_bucket_tags(call: Call) -> web.StreamResponse:
    """DeleteBucketTags."""
    keys = [key for key in call.query["tagging"].split(",") if key]

    def change(bucket: Bucket) -> str | None:
        before = bucket.settings.get("tagging")
        return without(before, keys) if before and keys else None

    await call.run(call.buckets.change_setting, call.bucket, "tagging", change)
    return web.Response(status=204)
