"""Settings of buckets: the handlers that each row of `localcloud.oss.settings.SETTINGS` has."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call, Handler
from localcloud.oss.errors import OssError
from localcloud.oss.settings import Setting


def get_setting(setting: Setting) -> Handler:
    """Return the handler of GetBucketLifecycle, GetBucketEncryption, …."""

    async def handler(call: Call) -> web.StreamResponse:
        document = call.holder.settings.get(setting.parameter)
        if document is not None:
            return document_response(document)
        if isinstance(setting.absent, str):
            raise OssError(setting.absent, setting.words or f"The bucket has no {setting.parameter} configuration.")
        return xml_response(setting.root, setting.absent)

    return handler


def put_setting(setting: Setting) -> Handler:
    """Return the handler of PutBucketLifecycle, PutBucketEncryption, …."""

    async def handler(call: Call) -> web.StreamResponse:
        await call.run(call.buckets.put_setting, call.bucket, setting, call.body, call.headers)
        return web.Response()

    return handler


def delete_setting(setting: Setting) -> Handler:
    """Return the handler of DeleteBucketLifecycle, DeleteBucketEncryption, …."""

    async def handler(call: Call) -> web.StreamResponse:
        await call.run(call.buckets.set_setting, call.bucket, setting.parameter, None)
        return web.Response(status=204)

    return handler
