"""Files in answers."""

from __future__ import annotations

import asyncio
import random
import socket
from pathlib import Path

import pytest
from aiohttp import web

from localcloud.kernel.files import PIECE, STRETCH, send_file
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places

CONTENT = random.Random(1).randbytes(2 * STRETCH + 1234)


async def listening(path: Path) -> Listener:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(CONTENT) - 7)})
        await response.prepare(request)
        with path.open("rb") as file:
            await send_file(request, response, file, 7, len(CONTENT) - 7)
        return response

    application = web.Application()
    application.router.add_get("/", answer)
    listener = Listener("127.0.0.1", 0, places=Places(8))
    await listener.open(application)
    return listener


@pytest.mark.parametrize("clients", [1, 6], ids=["alone", "more than threads"])
def test_files_arrive_whole_though_the_client_has_ended_its_side(tmp_path: Path, clients: int) -> None:
    (tmp_path / "file").write_bytes(CONTENT)

    async def fetch(port: int, pause: float) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await asyncio.sleep(pause)  # the connection's buffers fill
        body = await reader.read()
        writer.close()
        return body

    async def run() -> None:
        listener = await listening(tmp_path / "file")
        try:
            got = await asyncio.gather(*(fetch(listener.port, 0.02 * number) for number in range(clients)))
        finally:
            await listener.close()
        assert all(each == CONTENT[7:] for each in got)

    asyncio.run(run())


def test_a_client_that_leaves_ends_the_answer_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)

    async def run() -> None:
        listener = await listening(tmp_path / "file")
        try:
            for _ in range(8):
                with socket.create_connection(("127.0.0.1", listener.port)) as gone:
                    gone.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    await asyncio.sleep(0.005)
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).endswith(CONTENT[-1000:])
            writer.close()
        finally:
            await listener.close()

    asyncio.run(run())
