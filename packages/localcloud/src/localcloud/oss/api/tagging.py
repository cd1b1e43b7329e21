"""Tags of objects."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.settings.tags import read_tagging


async def get_object_tagging(call: Call) -> web.StreamResponse:
    """GetObjectTagging."""
    item = await call.run(call.oss.objects.get, call.bucket, call.key, call.version)
    if item.attributes.tagging is None:
        answer = xml_response("Tagging", {"TagSet": ""})
    else:
        answer = document_response(item.attributes.tagging)
    answer.headers.update(call.version_headers(item.version))
    return answer


async def put_object_tagging(call: Call) -> web.StreamResponse:
    """PutObjectTagging."""
    document = read_tagging(call.body)
    item = await call.run(call.oss.objects.set_tagging, call.bucket, call.key, document, call.version)
    return web.Response(headers=call.version_headers(item.version))


async def delete_object_tagging(call: Call) -> web.StreamResponse:
    """DeleteObjectTagging."""
    item = await call.run(call.oss.objects.set_tagging, call.bucket, call.key, None, call.version)
    return web.Response(status=204, headers=call.version_headers(item.version))
