"""The door of every service, with an application that does what tests tell it and a dialect that says everything in one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from localcloud.kernel.door import Handler, is_loopback, open_door, tell_bad_requests_briefly
from localcloud.kernel.errors import ApiError
from tests.support.dialect import Dialect

HOST = b"Host: 127.0.0.1\r\n"
ASK = b"GET /a HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


def run(handler: Handler, talk: Callable[[int], Awaitable[bytes]]) -> bytes:
    """Serve a handler at every path while a client talks to it."""

    async def scenario() -> bytes:
        application = open_door(Dialect(), serves=lambda host: host == "mine.example", max_body=10)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            return await talk(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


def sends(sent: bytes) -> Callable[[int], Awaitable[bytes]]:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        try:
            return await reader.read()
        finally:
            writer.close()

    return talk


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response(text="fine")


async def fails(request: web.Request) -> web.StreamResponse:
    raise ZeroDivisionError("the secret reason")


def test_unexpected_exception_becomes_the_internal_error_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    answer = run(fails, sends(ASK))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-test-id: ID-1" in answer
    assert b"\r\n\r\nFault500 ID-1 " in answer
    assert b"secret" not in answer
    [record] = caplog.records
    assert "GET /a failed (request ID-1)" in record.getMessage()
    assert "the secret reason" in caplog.text


@pytest.mark.parametrize("path", [b"/a", b"/a%0Ab"])
def test_an_expectation_that_nobody_knows_is_refused_in_the_services_form(path: bytes) -> None:
    answer = run(fine, sends(b"GET %s HTTP/1.1\r\n%sExpect: wonders\r\nConnection: close\r\n\r\n" % (path, HOST)))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 417 ")
    assert body.startswith(b"Fault417 ID-1 ")
    assert b"\r\nContent-Length: %d" % len(body) in head


def test_known_errors_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def refuses(request: web.Request) -> web.StreamResponse:
        raise ApiError("Known", "no", 409)

    assert run(refuses, sends(ASK)).endswith(b"Known ID-1 no")
    assert not caplog.records


def test_what_aiohttp_refuses_is_said_in_the_services_form(caplog: pytest.LogCaptureFixture) -> None:
    async def reads(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read())

    large = b"PUT /a HTTP/1.1\r\n" + HOST + b"Content-Length: 11\r\nConnection: close\r\n\r\n" + b"x" * 11
    assert b"Fault413 ID-1" in run(reads, sends(large))
    chunk = b"PUT /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n\r\n"
    assert b" 400 " in run(reads, sends(chunk))
    assert not [record for record in caplog.records if record.name == "localcloud.kernel.door"]


def test_answer_that_began_is_cut_not_completed(caplog: pytest.LogCaptureFixture) -> None:
    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"part")
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASK)
        received = b""
        try:
            while part := await reader.read(1000):
                received += part
        except ConnectionError:
            pass
        writer.close()
        return received

    answer = run(streams, talk)
    assert not answer.endswith(b"0\r\n\r\n"), "the last chunk says that it is whole"
    assert b"Fault500" not in answer
    assert [record.name for record in caplog.records] == ["localcloud.kernel.door"]


def test_client_that_goes_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen = asyncio.Event()
    gone = asyncio.Event()

    async def waits(request: web.Request) -> web.StreamResponse:
        seen.set()
        try:
            return web.Response(body=await request.content.read())
        finally:
            gone.set()

    async def talk(port: int) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT /a HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nhalf")
        await seen.wait()
        writer.transport.abort()
        await gone.wait()
        return b""

    run(waits, talk)
    assert not caplog.records


def test_connection_error_inside_the_service_is_an_error_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def resets(request: web.Request) -> web.StreamResponse:
        raise ConnectionResetError("of something else")

    assert b"Fault500 ID-1" in run(resets, sends(ASK))
    assert "of something else" in caplog.text


@pytest.mark.parametrize("host", [b"127.0.0.1", b"127.0.0.1:80", b"MINE.example.", b"localhost", b"[::1]:8080"])
def test_hosts_that_are_taken(host: bytes) -> None:
    assert run(fine, sends(ASK.replace(b"127.0.0.1", host))).endswith(b"fine")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"evil.example", b"421"),
        (b"mine.example.evil.example", b"421"),
        (b"127.0.0.1.evil.example", b"421"),
        (b"2130706433", b"421"),
        (b"127.1", b"421"),
        (b"[::ffff:10.0.0.1]", b"421"),
        (b"0.0.0.0", b"421"),
        (b"127.0.0.1:8o", b"400"),
        (b"a@127.0.0.1", b"400"),
        (b"", b"400"),
        (b"127.0.0.1, evil.example", b"400"),
    ],
)
def test_hosts_that_are_refused(host: bytes, status: bytes) -> None:
    answer = run(fine, sends(ASK.replace(b"127.0.0.1", host)))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"ID-1" in answer


@pytest.mark.parametrize("name", [b"X-Any", b"Cookie", b"If-Match", b"Range", b"Content-MD5"])
def test_repeated_header_is_refused_whatever_it_is(name: bytes) -> None:
    twice = name + b": a\r\n" + name.lower() + b": a\r\n"
    answer = run(fine, sends(ASK.replace(HOST, HOST + twice)))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"fine" not in answer


def test_lists_that_nobody_obeys_may_be_repeated() -> None:
    twice = b"Accept: a\r\nAccept: b\r\n"
    assert run(fine, sends(ASK.replace(HOST, HOST + twice))).endswith(b"fine")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.b.localhost", True),
        ("127.255.0.9", True),
        ("[::1]", True),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("128.0.0.1", False),
        ("[::2]", False),
        ("", False),
    ],
)
def test_names_of_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


def test_what_is_not_http_is_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("aiohttp.server")
    logger.addFilter(tell_bad_requests_briefly)
    try:
        assert b" 400 " in run(fine, sends(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"))
    finally:
        logger.removeFilter(tell_bad_requests_briefly)
    assert "Traceback" not in caplog.text
    assert len(caplog.records) == 1
