"""Bodies that are read whole, and the room for those of all requests together."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from localcloud.kernel import bodies
from localcloud.kernel.bodies import SMALL
from localcloud.kernel.door import BODIES, open_door
from tests.support.dialect import Dialect


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for one body of the largest size, and half of another one."""
    monkeypatch.setattr(bodies, "LEAST", 3 * SMALL)
    monkeypatch.setattr(bodies, "AT_ONCE", 1)


async def tell_size(request: web.Request) -> web.StreamResponse:
    body = await request.app[BODIES].read(request)
    assert await request.app[BODIES].read(request) is body
    return web.Response(text=f"{len(body)}")


@asynccontextmanager
async def served(max_body: int = 2 * SMALL) -> AsyncIterator[int]:
    application = open_door(Dialect(), serves=lambda _: False, max_body=max_body)
    application.router.add_route("*", "/", tell_size)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Client:
    """A client that sends a body of a size in two parts."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
        self._reader, self._writer, self._left = reader, writer, size

    @classmethod
    async def begin(cls, port: int, size: int, *, sent: int = 0) -> Client:
        client = cls(*await asyncio.open_connection("127.0.0.1", port), size)
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        client._writer.write(head.encode())
        await client.send(sent)
        return client

    async def send(self, size: int) -> None:
        self._writer.write(b"\0" * size)
        await self._writer.drain()
        self._left -= size

    async def end(self) -> str:
        """Send the rest and return status and body of the answer."""
        await self.send(self._left)
        head, _, body = (await self._reader.read()).partition(b"\r\n\r\n")
        self._writer.close()
        return f"{head.split()[1].decode()} {body.decode()}"


async def ask(port: int, size: int) -> str:
    return await (await Client.begin(port, size)).end()


def test_bodies_together_find_no_more_room_than_there_is_and_small_ones_always() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(10), served() as port:
            slow = await Client.begin(port, 2 * SMALL, sent=2 * SMALL - 1)
            while (answer := await ask(port, 2 * SMALL)).startswith("200"):
                await asyncio.sleep(0)  # of the slow one not enough was received yet
            assert answer == "503 Fault503 ID-1 the bodies of other requests leave no room for this one; try again"
            assert await ask(port, SMALL) == f"200 {SMALL}"
            assert await slow.end() == f"200 {2 * SMALL}"
            assert await ask(port, 2 * SMALL) == f"200 {2 * SMALL}"

    asyncio.run(scenario())


def test_a_body_that_is_refused_or_breaks_off_gives_its_room_back() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(10), served() as port:
            for _ in range(3):
                assert (await ask(port, 2 * SMALL + 1)).startswith("413 Fault413 ")
                client = await Client.begin(port, 2 * SMALL, sent=2 * SMALL - 1)
                client._writer.close()
            while (answer := await ask(port, 2 * SMALL)).startswith("503"):
                await asyncio.sleep(0)  # the end of a connection was not seen yet
            assert answer == f"200 {2 * SMALL}"

    asyncio.run(scenario())


def test_nothing_is_kept_of_a_body_that_breaks_off_until_garbage_is_collected() -> None:
    size, times = 16 * SMALL, 10

    async def scenario() -> int:
        async with asyncio.timeout(10), served(size) as port:
            tracemalloc.start()
            for _ in range(times):
                client = await Client.begin(port, size, sent=size - 1)
                client._writer.close()
                while (await ask(port, size)).startswith("503"):
                    await asyncio.sleep(0)  # the end of the connection was not seen yet
            return tracemalloc.get_traced_memory()[0]

    gc.disable()
    try:
        assert asyncio.run(scenario()) < times * size / 2  # what connections hold is kept, too
    finally:
        tracemalloc.stop()
        gc.enable()
