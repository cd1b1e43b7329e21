"""Symlinks."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from localcloud.oss.api.attributes import read_attributes, read_encoded
from localcloud.oss.api.call import Call
from localcloud.oss.api.objects import describe, stored_headers
from localcloud.oss.errors import OssError


async def put_symlink(call: Call) -> web.StreamResponse:
    """PutSymlink."""
    target = read_encoded(call.headers, "x-oss-symlink-target")
    if not target:
        raise OssError("InvalidArgument", "x-oss-symlink-target is missing.")
    attributes = read_attributes(call.headers)
    item = await call.run(
        call.oss.symlinks.put,
        call.bucket,
        call.key,
        target,
        attributes,
        overwrite=call.overwrite,
        requester=call.requester,
    )
    return web.Response(headers=stored_headers(call, item))


async def get_symlink(call: Call) -> web.StreamResponse:
    """GetSymlink."""
    item, target = await call.run(call.oss.symlinks.get, call.bucket, call.key, call.version)
    return web.Response(headers={**describe(call, item), "x-oss-symlink-target": quote(target, safe="")})
