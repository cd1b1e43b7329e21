"""Requests that say two lengths."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from localcloud.kernel.framing import one_length
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places

PIECES = b"2\r\nhi\r\n0\r\n\r\n"
BOTH = b"PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\nconnection: keep-alive\r\ntransfer-encoding: Chunked\r\n\r\n"


def test_pieces_count_and_the_connection_ends() -> None:
    head = b"PUT /a HTTP/1.1\r\nHost: localhost\r\ntransfer-encoding: Chunked\r\nConnection: close\r\n\r\n"
    assert one_length(BOTH + PIECES) == head + PIECES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b": Chunked", b": gzip, chunked"),
        (b": Chunked", b": identity"),
        (b": 7", b": 7\r\nContent-Length: 8"),
        (b": 7", b": -7"),
        (b"transfer-encoding", b"x-transfer-encoding"),
        (b"\r\n\r\n", b"\r\n"),
        (b"PUT /a HTTP/1.1", b"not a request"),
    ],
)
def test_whatever_else_is_ambiguous_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    received = BOTH.replace(old, new)
    assert one_length(received) == received


@pytest.mark.parametrize("end", [b"\r7", b"7 7"])
def test_white_space_without_end_holds_nobody_up(end: bytes) -> None:
    received = BOTH.replace(b" 7", b" " * 60_000 + end)  # tried in every way, it would take hours
    assert one_length(received) == received


def test_white_space_around_a_value_is_none_of_it() -> None:
    assert one_length(BOTH.replace(b" 7", b"\t 7 \t")) == one_length(BOTH)


def test_a_listener_takes_a_stream_that_tells_its_length_and_looks_into_no_body() -> None:
    begun, sent = asyncio.Event(), asyncio.Event()

    async def echo(request: web.Request) -> web.StreamResponse:
        begun.set()
        body = await request.read()
        response = web.StreamResponse()
        response.content_length = len(body)
        await response.prepare(request)
        await response.write_eof(body)
        await sent.wait()  # the next request comes while this one is not quite over
        return response

    async def run() -> bytes:
        application = web.Application()
        application.router.add_put("/a", echo)
        listener = Listener("127.0.0.1", 0, places=Places(8))
        await listener.open(application)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        first = f"PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BOTH)}\r\n\r\n"
        writer.write(first.encode())
        await begun.wait()  # the body comes by itself
        writer.write(BOTH)
        assert (await reader.readuntil(BOTH)).startswith(b"HTTP/1.1 200 ")
        writer.write(BOTH + PIECES)
        asyncio.get_running_loop().call_soon(sent.set)
        try:
            return await reader.read()
        finally:
            writer.close()
            await listener.close()

    assert b"hi" in asyncio.run(run()).partition(b"\r\n\r\n")[2]
