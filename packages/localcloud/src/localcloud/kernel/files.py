"""Files in answers: by the kernel alone over plain HTTP, piece by piece over TLS."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from aiohttp import web

from localcloud.kernel.listener import writable

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
        await _hand_over(transport, file, offset, count)
        return
    # Over TLS, `sendfile` of asyncio reads and writes, too, and fails in its own code when the client leaves meanwhile.
    file.seek(offset)
    while count:
        piece = await asyncio.to_thread(file.read, min(PIECE, count))
        if not piece:
            raise ConnectionAbortedError("the file ended early")
        await response.write(piece)
        count -= len(piece)


async def _hand_over(transport: asyncio.Transport, file: BinaryIO, offset: int, count: int) -> None:
    """Have the kernel send a stretch of a file; in a thread if it is long, so that other requests go on meanwhile."""
    loop = asyncio.get_running_loop()
    if transport.get_write_buffer_size():  # what the client has not taken yet comes first
        await loop.sendfile(transport, file, offset, count)
        return
    connection = os.dup(transport.get_extra_info("socket").fileno())  # which stays while a thread uses it
    reads = transport.is_reading()
    transport.pause_reading()  # a client that has no more to say still takes its answer
    try:
        while count:
            if transport.is_closing():
                raise ConnectionResetError("the client has gone")
            try:
                send = partial(os.sendfile, connection, file.fileno(), offset, count)
                sent = send() if count <= PIECE else await _finished(send)
            except BlockingIOError:
                await writable(connection)
                continue
            if not sent:
                raise ConnectionAbortedError("the file ended early")
            offset += sent
            count -= sent
    finally:
        os.close(connection)
        if reads:
            transport.resume_reading()


async def _finished(call: Callable[[], int]) -> int:
    """Return the result of a call that a thread makes; also whoever gives up waits until it is over."""
    result = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(result)
    except asyncio.CancelledError:
        await asyncio.wait([result])
        raise
