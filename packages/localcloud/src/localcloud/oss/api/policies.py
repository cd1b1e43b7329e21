"""The policy of a bucket, and the callbacks that it keeps, which are asked for as `?policy&comp=callback`."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call, Handler
from localcloud.oss.api.settings import delete_setting, get_setting, put_setting
from localcloud.oss.errors import OssError
from localcloud.oss.settings.callbackpolicy import SETTING as CALLBACKS
from localcloud.oss.settings.policy import PARAMETER, change_policy, is_public
from localcloud.oss.settings.table import blocks_public_access


async def put_bucket_policy(call: Call) -> web.StreamResponse:
    """PutBucketPolicy."""
    await call.run(call.buckets.change_setting, call.bucket, PARAMETER, change_policy(call.body))
    return web.Response()


async def get_bucket_policy(call: Call) -> web.StreamResponse:
    """GetBucketPolicy."""
    document = call.holder.settings.get(PARAMETER)
    if document is None:
        raise OssError("NoSuchBucketPolicy", "The bucket policy does not exist.", {"BucketName": call.bucket})
    return web.Response(text=document, content_type="application/json")


async def delete_bucket_policy(call: Call) -> web.StreamResponse:
    """DeleteBucketPolicy."""
    await call.run(call.buckets.change_setting, call.bucket, PARAMETER, lambda _: None)
    return web.Response(status=204)


async def bucket_policy_status(call: Call) -> web.StreamResponse:
    """GetBucketPolicyStatus."""
    bucket = call.holder
    document = bucket.settings.get(PARAMETER)
    public = document is not None and is_public(document) and not blocks_public_access(bucket)
    return xml_response("PolicyStatus", {"IsPublic": public})


def _of_kind(policy: Handler, callbacks: Handler) -> Handler:
    """Return the handler that `comp` chooses."""

    async def handler(call: Call) -> web.StreamResponse:
        kind = call.query.get("comp")
        if kind not in {None, "", "callback"}:
            raise OssError("NotImplemented", f"not implemented: ?policy&comp={kind[:40]}")
        return await (callbacks if kind else policy)(call)

    return handler


put_policy = _of_kind(put_bucket_policy, put_setting(CALLBACKS))
get_policy = _of_kind(get_bucket_policy, get_setting(CALLBACKS))
delete_policy = _of_kind(delete_bucket_policy, delete_setting(CALLBACKS))
