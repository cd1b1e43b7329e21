"""Requests of browsers' pages: preflight, and the headers that let a page read an answer."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.call import Call
from localcloud.oss.model import Bucket
from localcloud.oss.settings.cors import answer_headers, preflight_headers, vary_header


async def preflight(call: Call) -> web.StreamResponse:
    """OptionObject; browsers send it unsigned, and it tells nothing of objects."""
    return web.Response(headers=preflight_headers(call.holder, call.headers))


def allow_page(request: web.Request, response: web.StreamResponse, bucket: Bucket | None) -> None:
    """Add the headers of a bucket's cross-origin rules to an answer, also to one that tells an error."""
    if bucket is None:
        return
    if request.method == "OPTIONS":
        response.headers.update(vary_header(bucket))
    else:
        response.headers.update(answer_headers(bucket, request.headers, request.method))
