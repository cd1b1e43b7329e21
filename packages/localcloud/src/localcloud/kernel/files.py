"""Files in answers: by the kernel alone over plain HTTP, piece by piece over TLS."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

from aiohttp import web

PIECE = 256 * 1024  # bytes


async def send_file(
    request: web.Request, response: web.StreamResponse, file: BinaryIO, offset: int, count: int
) -> None:
    """Send a stretch of a file as the next part of an answer that has begun; what was written to it before has to be drained.

    Args:
        request: what is answered.
        response: the answer.
        file: not empty there.
        offset: where the stretch begins.
        count: bytes.

    Raises:
        ConnectionError: the client has gone, or the file ends early.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    assert isinstance(transport, asyncio.Transport)
    if transport.get_extra_info("sslcontext") is None:
        await asyncio.get_running_loop().sendfile(transport, file, offset, count)
        return
    # Over TLS, `sendfile` of asyncio reads and writes, too, and fails in its own code when the client leaves meanwhile.
    file.seek(offset)
    while count:
        piece = await asyncio.to_thread(file.read, min(PIECE, count))
        if not piece:
            raise ConnectionAbortedError("the file ended early")
        await response.write(piece)
        count -= len(piece)
