"""A service that answers all its requests with one handler, behind its listener."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from localcloud.kernel.door import Handler, check_expectation, meet_expectation, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places
from localcloud.kernel.tasks import begin_requests_at_once
from tests.support.dialect import Dialect

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
HEAD = b" HTTP/1.1\r\nHost: localhost\r\n"
LAST = b"Connection: close\r\n\r\n"


def decorate(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Test"


def served(handler: Handler, talk: Talk) -> bytes:
    async def run() -> bytes:
        begin_requests_at_once(asyncio.get_running_loop())
        application = open_door(Dialect(), serves=lambda _: False, max_body=0, decorate=decorate, handler=handler)
        listener = Listener("127.0.0.1", 0, places=Places(8))
        await listener.open(application)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        try:
            return await talk(reader, writer)
        finally:
            writer.close()
            await listener.close()

    return asyncio.run(run())


def sends(sent: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(sent)
        return await reader.read()

    return talk


async def echo(request: web.Request) -> web.StreamResponse:
    check_expectation(request)
    await meet_expectation(request)
    return web.Response(body=request.raw_path.encode() + await request.content.read())


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"piece")
    return response


def test_every_path_is_its_and_every_answer_has_its_headers() -> None:
    for handler, body in ((echo, b"/a//b%2F?c"), (stream, b"piece")):
        answer = served(handler, sends(b"PATCH /a//b%2F?c" + HEAD + LAST))
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nx-test-id: ID-1" in head
        assert b"\r\nServer: Test" in head
        assert body in rest


def test_what_is_no_request_of_its_is_refused_at_the_door() -> None:
    answer = served(echo, sends(b"GET / HTTP/1.1\r\nHost: other.example\r\n" + LAST))
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"Fault421 ID-1" in answer


def test_a_body_that_is_held_back_is_asked_for() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"PUT /k" + HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n" + LAST)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        return await reader.read()

    assert served(echo, talk).endswith(b"\r\n\r\n/kbody")


def test_an_expectation_that_nobody_knows_is_refused_in_the_services_form() -> None:
    answer = served(echo, sends(b"GET /" + HEAD + b"Expect: wonders\r\n" + LAST))
    assert answer.startswith(b"HTTP/1.1 417 ")
    assert b"Fault417 ID-1" in answer


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="their own tasks begin at once")
def test_requests_run_in_the_task_of_their_connection() -> None:
    tasks: list[object] = []

    async def notes(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        return web.Response()

    assert served(notes, sends(b"GET /" + HEAD + b"\r\n" + b"GET /" + HEAD + LAST)).count(b" 200 ") == 2
    assert tasks[0] is tasks[1]


def test_a_request_that_fails_leaves_the_connection_to_the_next_one() -> None:
    async def fails_once(request: web.Request) -> web.StreamResponse:
        if request.path == "/first":
            raise ApiError("Known", "no", 409)
        return web.Response(text="second")

    answer = served(fails_once, sends(b"GET /first" + HEAD + b"\r\n" + b"GET /second" + HEAD + LAST))
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"second")
