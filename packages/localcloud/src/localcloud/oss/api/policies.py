"""The policy of a bucket."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.settings.policy import PARAMETER, is_public, read_policy
from localcloud.oss.settings.table import blocks_public_access


async def put_bucket_policy(call: Call) -> web.StreamResponse:
    """PutBucketPolicy."""
    _check_kind(call)
    document = read_policy(call.body)
    await call.run(call.oss.buckets.change_setting, call.bucket, PARAMETER, lambda _: document)
    return web.Response()


async def get_bucket_policy(call: Call) -> web.StreamResponse:
    """GetBucketPolicy."""
    _check_kind(call)
    bucket = await call.run(call.oss.buckets.get, call.bucket)
    document = bucket.settings.get(PARAMETER)
    if document is None:
        raise OssError("NoSuchBucketPolicy", "The bucket policy does not exist.", {"BucketName": call.bucket})
    return web.Response(text=document, content_type="application/json")


async def delete_bucket_policy(call: Call) -> web.StreamResponse:
    """DeleteBucketPolicy."""
    _check_kind(call)
    await call.run(call.oss.buckets.change_setting, call.bucket, PARAMETER, lambda _: None)
    return web.Response(status=204)


async def bucket_policy_status(call: Call) -> web.StreamResponse:
    """GetBucketPolicyStatus."""
    bucket = await call.run(call.oss.buckets.get, call.bucket)
    return xml_response("PolicyStatus", {"IsPublic": is_public(bucket) and not blocks_public_access(bucket)})


def _check_kind(call: Call) -> None:
    """Refuse the policies of callbacks, which the parameter `comp` asks for."""
    if kind := call.query.get("comp"):
        raise OssError("NotImplemented", f"not implemented: ?policy&comp={kind[:40]}")
