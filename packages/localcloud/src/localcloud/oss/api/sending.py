"""Sending objects: conditions, ranges, and the body at the link's speed."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from localcloud.oss.errors import OssError
from localcloud.oss.link import Fault, Link
from localcloud.oss.model import StoredObject
from localcloud.oss.ranges import parse_range

SLICE = 256 * 1024  # bytes sent at a time on a shaped link


def object_headers(item: StoredObject) -> dict[str, str]:
    """Return the headers that describe an object."""
    headers = {
        "content-type": "application/octet-stream",
        **{name: value for name, value in item.headers.items() if name != "x-oss-symlink-target"},
        "ETag": f'"{item.etag}"',
        "Last-Modified": formatdate(item.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "x-oss-object-type": item.kind,
        "x-oss-hash-crc64ecma": str(item.crc64),
        "x-oss-storage-class": "Standard",
    }
    if item.kind == "Appendable":
        headers["x-oss-next-append-position"] = str(item.size)
    if item.tagging:
        headers["x-oss-tagging-count"] = str(item.tagging.count("<Tag>"))
    return headers


def check_conditions(item: StoredObject, headers: Mapping[str, str], *, prefix: str = "") -> None:
    """Apply If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since.

    Args:
        item: the object.
        headers: the request's headers.
        prefix: `x-oss-copy-source-` for the conditions of a copy.

    Raises:
        OssError: PreconditionFailed or NotModified.
    """

    def get(name: str) -> str | None:
        return headers.get(prefix + name)

    modified = int(item.modified)
    match, unmodified = get("if-match"), get("if-unmodified-since")
    if (match and not _matches(match, item.etag)) or (
        unmodified and not match and modified > _time(unmodified, modified)
    ):
        raise OssError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
            {"Condition": "If-Match" if match else "If-Unmodified-Since"},
        )
    none_match, since = get("if-none-match"), get("if-modified-since")
    if (none_match and _matches(none_match, item.etag)) or (
        since and not none_match and modified <= _time(since, modified - 1)
    ):
        raise OssError("NotModified", "The object was not modified.")


def _matches(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in {value.strip().strip('"').upper() for value in header.split(",")}


def _time(text: str, otherwise: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise  # RFC 9110, 13.1.3: a condition with an invalid date is ignored


async def send_object(
    request: web.Request,
    item: StoredObject,
    path: Path,
    *,
    overrides: Mapping[str, str],
    link: Link,
    fault: Fault | None,
) -> web.StreamResponse:
    """Send an object, or the range of it that was asked for."""
    strict = request.headers.get("x-oss-range-behavior") == "standard"
    interval = parse_range(request.headers.get("Range"), item.size, strict=strict)
    headers = object_headers(item) | dict(overrides)
    begin, end = interval or (0, item.size)
    if interval:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{item.size}"
    headers["Content-Length"] = str(end - begin)
    response = web.StreamResponse(status=206 if interval else 200, headers=headers)
    with path.open("rb") as file:
        try:
            await response.prepare(request)
            if request.method != "HEAD" and end > begin:
                if link.shape.bandwidth or fault:
                    await _send_slices(request, response, file, begin, end, link, fault)
                else:
                    await _sendfile(request, file, begin, end - begin)
            await response.write_eof()
        except (
            ConnectionError,
            TimeoutError,
        ):  # the client has gone, or takes nothing (see `localcloud.kernel.listener`)
            if request.transport and not request.transport.is_closing():
                request.transport.abort()
    return response


def _transport(request: web.Request) -> asyncio.Transport:
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    assert isinstance(transport, asyncio.Transport)
    return transport


async def _sendfile(request: web.Request, file: BinaryIO, offset: int, count: int) -> None:
    await asyncio.get_running_loop().sendfile(_transport(request), file, offset, count)


async def _send_slices(
    request: web.Request,
    response: web.StreamResponse,
    file: BinaryIO,
    begin: int,
    end: int,
    link: Link,
    fault: Fault | None,
) -> None:
    cut = begin + fault.after if fault and fault.kind in {"reset", "truncate"} else end
    position = begin
    while position < min(cut, end):
        size = min(SLICE, cut - position, end - position)
        await link.pay(size)
        if fault and fault.kind == "corrupt" and position <= fault.after < position + size:
            file.seek(position)
            content = bytearray(file.read(size))
            content[fault.after - position] ^= 0xFF
            await response.write(content)
        else:
            # write() flushes what aiohttp holds, sendfile goes past it: drain first, so that their order is kept
            await _sendfile(request, file, position, size)
        position += size
    if cut < end:
        transport = _transport(request)
        if fault and fault.kind == "reset":
            # closed with no time to linger, a socket sends RST instead of FIN (socket(7), SO_LINGER)
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        raise ConnectionResetError("the link was told to fail here")
