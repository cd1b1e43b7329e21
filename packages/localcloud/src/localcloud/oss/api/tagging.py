"""Tags of objects."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.settings.tags import read_tagging


async def get_object_tagging(call: Call) -> web.StreamResponse:
    """GetObjectTagging."""
    item = await call.run(call.oss.objects.get, call.bucket, call.key)
    if item.attributes.tagging is None:
        return xml_response("Tagging", {"TagSet": ""})
    return document_response(item.attributes.tagging)


async def put_object_tagging(call: Call) -> web.StreamResponse:
    """PutObjectTagging."""
    document = read_tagging(call.body)
    await call.run(call.oss.objects.set_tagging, call.bucket, call.key, document)
    return web.Response()


async def delete_object_tagging(call: Call) -> web.StreamResponse:
    """DeleteObjectTagging."""
    await call.run(call.oss.objects.set_tagging, call.bucket, call.key, None)
    return web.Response(status=204)
