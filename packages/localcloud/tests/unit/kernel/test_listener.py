"""Places of connections, and their parts; listeners."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from localcloud.kernel.acceptor import PLACES
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places


def test_a_part_takes_its_share_and_leaves_the_rest_to_others() -> None:
    whole = Places(8)
    part, other = whole.part(0.5), whole.part(0.75)
    assert [part.take() for _ in range(5)] == [True] * 4 + [False]
    assert [other.take() for _ in range(5)] == [True] * 4 + [False]
    part.give_back()
    assert [other.take() for _ in range(2)] == [True, False]


def test_who_waits_for_a_place_is_called_when_what_was_missing_is_given_back() -> None:
    whole = Places(8)
    part, other = whole.part(0.5), whole.part(1)
    called: list[str] = []
    for _ in range(4):
        assert part.take()
    part.wait(lambda: called.append("of a full part"))
    assert other.take()
    other.give_back()
    assert called == []
    part.give_back()
    assert called == ["of a full part"]
    while other.take():
        pass
    part.wait(lambda: called.append("of a full whole"))
    other.give_back()
    assert called == ["of a full part", "of a full whole"]


def test_places_are_scarce_when_half_of_a_part_or_of_the_whole_is_taken() -> None:
    whole = Places(8)
    part, other = whole.part(0.5), whole.part(1)
    for _ in range(3):
        assert part.take()
    assert (part.scarce, other.scarce, whole.scarce) == (True, False, False)
    for _ in range(2):
        assert other.take()
    assert (other.scarce, whole.scarce) == (True, True)


def test_several_places_are_taken_together_or_not_at_all() -> None:
    whole = Places(8)
    part = whole.part(1)
    assert part.take(6)
    assert not part.take(3)
    assert part.take(2)
    assert not whole.take()
    part.give_back(6)
    assert whole.take(6)


def test_connections_wait_until_their_listener_is_opened() -> None:
    async def run() -> None:
        listener = Listener("127.0.0.1", 0, places=Places(8))
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = asyncio.ensure_future(reader.read())
        await asyncio.sleep(0)  # whatever accepts would do so now
        assert not answer.done()
        await listener.open(_saying("hello"))
        assert (await answer).endswith(b"hello")
        writer.close()
        await listener.close()

    asyncio.run(run())


def test_a_listener_serves_one_application_after_another_on_one_port() -> None:
    async def run() -> None:
        listener = Listener("127.0.0.1", 0, places=Places(8))
        await listener.open(_saying("first"))
        kept = await asyncio.open_connection("127.0.0.1", listener.port)
        kept[1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"first" in await kept[0].readuntil(b"first")
        old = listener.server
        await listener.leave()
        assert await kept[0].read() == b"", "a connection ends with the application that it asked"
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = asyncio.ensure_future(reader.read())
        await asyncio.sleep(0)
        assert not answer.done()
        await listener.open(_saying("second"))
        assert (await answer).endswith(b"second")
        with socket.create_server(("127.0.0.1", 0)) as other:
            slow = await asyncio.open_connection(*other.getsockname())
            accepted, _ = other.accept()
        accepted.setblocking(False)
        PLACES.set(Places(8))
        await old.serve(accepted)  # a handshake with the first one has taken until now
        slow[1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        with suppress(ConnectionError):
            assert await slow[0].read() == b""
        for each in (kept[1], writer, slow[1]):
            each.close()
        await listener.close()

    asyncio.run(run())


def _saying(text: str) -> web.Application:
    async def say(_: web.Request) -> web.Response:
        return web.Response(text=text)

    application = web.Application()
    application.router.add_get("/", say)
    return application


def test_a_listener_that_was_never_opened_gives_its_port_back() -> None:
    async def run() -> int:
        listener = Listener("127.0.0.1", 0, places=Places(8))
        port = listener.port
        with pytest.raises(OSError, match="in use"):
            Listener("127.0.0.1", port, places=Places(8))
        await listener.close()
        return port

    socket.create_server(("127.0.0.1", asyncio.run(run()))).close()


PATIENCE = 0.02  # seconds
PROMISE = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


def ask(handler: Handler, request: bytes) -> bytes:
    """Return the head of an answer, and the rest where the connection ends with it."""

    async def run() -> bytes:
        application = web.Application()
        application.router.add_get("/", handler)
        listener = Listener("127.0.0.1", 0, places=Places(8), patience=PATIENCE)
        await listener.open(application)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b"Connection: close" in answer:
            answer += await reader.read()
        writer.close()
        await listener.close()
        return answer

    return asyncio.run(run())


def test_an_answer_before_the_promised_body_is_the_last_on_its_connection() -> None:
    assert b"\r\nConnection: close\r\n" in ask(hello, PROMISE)


def test_an_answer_after_the_whole_body_is_not_the_last() -> None:
    assert b"Connection: close" not in ask(hello, PROMISE + b"something")


def test_an_answer_takes_its_time_though_the_promised_body_never_comes() -> None:
    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(2 * PATIENCE)
        await response.write(b"at last")
        return response

    assert b"at last" in ask(slowly, PROMISE)
