"""Bodies of objects in answers: ranges, and the link's speed and faults."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from localcloud.kernel.files import send_file
from localcloud.oss.api.compression import is_compressible, send_compressed
from localcloud.oss.link import Fault, Link
from localcloud.oss.model import StoredObject
from localcloud.oss.ranges import parse_range
from localcloud.oss.throttle import THROTTLE, Throttle

TOGETHER = 64 * 1024  # bytes of a body that is read, to go out with its head at once
LITTLE = 8 * 1024  # bytes of one that stays in memory for a while


async def send_object(
    request: web.Request,
    item: StoredObject,
    path: Path,
    *,
    headers: Mapping[str, str],
    link: Link,
    fault: Fault | None,
    whole: int | None = None,
) -> web.StreamResponse:
    """Send an object, or the range of it that was asked for; `whole` is the status of one that is sent whatever was asked for."""
    strict = request.headers.get("x-oss-range-behavior") == "standard"
    interval = None if whole else parse_range(request.headers.get("Range"), item.size, strict=strict)
    begin, end = interval or (0, item.size)
    headers = {**headers, "Content-Length": str(end - begin)}
    if interval:
        headers = {name: value for name, value in headers.items() if name.lower() != "content-md5"}
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{item.size}"
    throttle = request[THROTTLE]
    shaped = fault is not None or link.shape.bandwidth > 0 or throttle is not None
    if whole is None and interval is None and not shaped and is_compressible(request, headers, item.size):
        return await send_compressed(request, path, headers)
    status = whole or (206 if interval else 200)
    response: web.StreamResponse
    try:
        if end - begin <= TOGETHER and not shaped:
            response = web.Response(status=status, headers=headers, body=_read(path, begin, end - begin))
            await response.prepare(request)
        else:
            response = web.StreamResponse(status=status, headers=headers)
            with path.open("rb", buffering=0) as file:
                await response.prepare(request)
                if request.method != "HEAD":
                    if shaped:
                        await _send_slices(request, response, file, begin, end, link, throttle, fault)
                    else:
                        await send_file(request, response, file, begin, end - begin)
        await response.write_eof()
    except (ConnectionError, TimeoutError):  # the client has gone, or takes nothing (see `localcloud.kernel.acceptor`)
        if request.transport and not request.transport.is_closing():
            request.transport.abort()
    return response


def _read(path: Path, begin: int, count: int) -> bytes:
    return _read_little(path, begin, count) if count <= LITTLE else _read_now(path, begin, count)


def _read_now(path: Path, begin: int, count: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, count, begin)
    finally:
        os.close(descriptor)


_read_little = lru_cache(maxsize=128)(_read_now)  # a data file never changes, and its name is never another one's


def _transport(request: web.Request) -> asyncio.Transport:
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    assert isinstance(transport, asyncio.Transport)
    return transport


async def _send_slices(
    request: web.Request,
    response: web.StreamResponse,
    file: BinaryIO,
    begin: int,
    end: int,
    link: Link,
    throttle: Throttle | None,
    fault: Fault | None,
) -> None:
    cut = begin + fault.after if fault and fault.kind in {"reset", "truncate"} else end
    position = begin
    while position < min(cut, end):
        size = min(link.slice, throttle.slice if throttle else end, cut - position, end - position)
        await link.pay(size)
        if throttle:
            await throttle.pay(size)
        if fault and fault.kind == "corrupt" and position <= fault.after < position + size:
            file.seek(position)
            content = bytearray(file.read(size))
            content[fault.after - position] ^= 0xFF
            await response.write(content)
        else:
            # write() flushes what aiohttp holds, sendfile goes past it: drain first, so that their order is kept
            await send_file(request, response, file, position, size)
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
