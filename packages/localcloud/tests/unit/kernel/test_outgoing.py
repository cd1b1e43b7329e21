"""Requests of the embedded cloud itself stay on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from localcloud.kernel.outgoing import is_near, send


def served(handler: Callable[[web.Request], Awaitable[web.Response]], url: str, **options: Any) -> tuple[int, bytes]:
    """The answer of a server on loopback to a POST; `PORT` in the URL stands for its port."""

    async def run() -> tuple[int, bytes]:
        application = web.Application()
        application.router.add_post("/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            return await send("POST", url.replace("PORT", str(port)), **{"limit": 100, "patience": 5.0, **options})
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def echo(request: web.Request) -> web.Response:
    return web.Response(status=203, body=await request.read())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "page.localhost"])
def test_no_name_is_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def note(name: Any, *arguments: Any, **options: Any) -> Any:
        if str(name).endswith("localhost"):
            asked.append(name)
        return look_up("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    assert served(echo, f"http://{host}:PORT/a", body=b"sent") == (203, b"sent")
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "http://127.0.0.1@example.org/",
        "http://localhost.example.org/",
        "http://169.254.169.254/",
        "http://[::ffff:93.184.216.34]/",
        "http://127.1/",
        "http://127.0.0.1:99999/",
        "file:///etc/passwd",
        "ftp://localhost/",
        "http:///",
    ],
)
def test_others_are_not_asked(url: str) -> None:
    assert not is_near(url)
    with pytest.raises(ConnectionError):
        asyncio.run(send("GET", url, limit=1, patience=1.0))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "https://LOCALHOST:1/a", "http://[::1]:2", "http://a.b.localhost"]
)
def test_this_machine_has_several_names(url: str) -> None:
    assert is_near(url)


def test_no_redirect_is_followed() -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://example.org/")

    assert served(away, "http://localhost:PORT/")[0] == 302


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async def endless(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5_000_000)

    assert 100 < len(served(endless, "http://localhost:PORT/")[1]) < 5_000_000


def test_a_server_that_is_silent_or_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        asyncio.run(send("GET", f"http://localhost:{silent.getsockname()[1]}/", limit=1, patience=0.05))
    with pytest.raises(ConnectionError):
        served(echo, "http://localhost:1/")
