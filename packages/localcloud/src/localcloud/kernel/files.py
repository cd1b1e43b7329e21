"""Files in answers: by the kernel alone over plain HTTP, piece by piece over TLS."""

from __future__ import annotations

import asyncio
import os
from typing import BinaryIO

from aiohttp import web

from localcloud.kernel.threads import until_done

PIECE = 256 * 1024  # bytes
STRETCH = 4 * 1024**2  # bytes, as many as a connection's buffer holds at most (tcp(7), tcp_wmem)
THREADS = 4  # that send at a time, each with a descriptor of its own beside the connection's and the file's

_threads = asyncio.Semaphore(THREADS)


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
    """Have the kernel send a stretch of a file: as much as the client takes at once in a thread, for it works a while at that."""
    loop = asyncio.get_running_loop()
    reads = transport.is_reading()
    transport.pause_reading()  # a client that has no more to say still takes its answer
    try:
        while count:
            stretch = min(count, STRETCH)
            sent = 0
            if stretch > PIECE and not transport.get_write_buffer_size() and not _threads.locked():
                async with _threads:
                    sent = await _send_at_once(transport, file, offset, stretch)
            if sent < stretch:
                await loop.sendfile(transport, file, offset + sent, stretch - sent)
            offset += stretch
            count -= stretch
    finally:
        if reads:
            transport.resume_reading()


async def _send_at_once(transport: asyncio.Transport, file: BinaryIO, offset: int, count: int) -> int:
    """Send as much of a stretch as the client takes without waiting, in a thread, and return how much that was."""
    if transport.is_closing():
        raise ConnectionResetError("the client has gone")
    connection = os.dup(transport.get_extra_info("socket").fileno())  # which nobody closes while the thread uses it
    sending = asyncio.get_running_loop().run_in_executor(None, os.sendfile, connection, file.fileno(), offset, count)
    try:
        return await until_done(sending)  # it uses both descriptors
    except BlockingIOError:
        return 0
    finally:
        os.close(connection)
