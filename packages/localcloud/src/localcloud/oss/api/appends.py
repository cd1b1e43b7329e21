"""Appendable objects."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from localcloud.kernel.times import to_http
from localcloud.oss.api.attributes import read_attributes
from localcloud.oss.api.bodies import receive
from localcloud.oss.api.call import Call
from localcloud.oss.api.objects import stored_headers
from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_PUT, NO_ATTRIBUTES


async def append_object(call: Call) -> web.StreamResponse:
    """AppendObject."""
    position = _read_position(call)
    if position:  # only the first call says what the object has, but for its ACL
        attributes = replace(NO_ATTRIBUTES, acl=call.headers.get("x-oss-object-acl", NO_ATTRIBUTES.acl))
    else:
        attributes = read_attributes(call.headers)
    admitted = call.holder
    blob = await receive(call)
    item = await call.run(
        call.oss.appends.append,
        call.bucket,
        call.key,
        position,
        blob,
        attributes,
        requester=call.requester,
        admitted=admitted,
    )
    return web.Response(
        headers={
            **stored_headers(call, item),
            "x-oss-hash-crc64ecma": str(item.crc64),
            "x-oss-next-append-position": str(item.size),
        }
    )


async def seal_object(call: Call) -> web.StreamResponse:
    """SealAppendObject."""
    item = await call.run(call.oss.appends.seal, call.bucket, call.key, _read_position(call))
    return web.Response(headers={"x-oss-sealed-time": to_http(item.sealed or 0.0)})


def _read_position(call: Call) -> int:
    if "position" not in call.query:
        raise OssError(
            "MissingArgument", "Missing Some Required Arguments.", {"ArgumentName": "position"}, ec="0016-00000501"
        )
    return read_number("position", call.query["position"], high=MAX_PUT, ec="0016-00000502")
