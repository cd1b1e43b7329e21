"""Objects that are sent packed by gzip, to clients that take it.

Source: OSS, GetObject, "Accept-Encoding": objects of at least 1 KB of some content types; the answer has neither length nor ETag,
and no digest of what the object holds. HeadObject's says the same (so the suite of OSS's SDK for PHP).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

MIN_SIZE = 1024  # bytes
TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/rss+xml",
        "application/x-javascript",
        "text/cache-manifest",
        "text/css",
        "text/html",
        "text/javascript",
        "text/json",
        "text/plain",
        "text/xml",
    }
)
_PIECE = 256 * 1024  # bytes read at a time
_OF_THE_BYTES = frozenset({"content-length", "etag", "accept-ranges", "content-md5"})
_GZIP = 31  # zlib's window bits for gzip's format


def is_compressible(request: web.Request, headers: Mapping[str, str], size: int) -> bool:
    """Return True if the answer to a request goes out packed.

    Args:
        request: the request.
        headers: of the answer, by lower-case name.
        size: bytes of the object.
    """
    if size < MIN_SIZE or not _takes_gzip(request):
        return False
    return headers["content-type"].partition(";")[0].strip().lower() in TYPES and "content-encoding" not in headers


async def send_compressed(request: web.Request, path: Path, headers: Mapping[str, str]) -> web.StreamResponse:
    """Send a whole object packed by gzip; its head alone where that was asked for."""
    kept = {name: value for name, value in headers.items() if name.lower() not in _OF_THE_BYTES}
    response = web.StreamResponse(headers={**kept, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    packer = zlib.compressobj(wbits=_GZIP)
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await response.write(await asyncio.to_thread(packer.compress, piece))
    await response.write(packer.flush())
    await response.write_eof()
    return response


def _takes_gzip(request: web.Request) -> bool:
    accepted = request.headers.get("Accept-Encoding")
    for value in accepted.lower().split(",") if accepted else ():
        name, _, weight = value.strip().partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
