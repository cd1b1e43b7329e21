"""HTTP listeners on loopback that neither a low limit of descriptors nor slow clients can stop.

As places run short, connections are not kept open between requests. A client that makes no progress loses its connection: while it
sends the head of a request (or nothing), while it sends a body, and while it takes an answer (see `acceptor`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.typedefs import Handler, Middleware

from localcloud.kernel.acceptor import BACKLOG, PATIENCE, PLACES, Acceptor, Server
from localcloud.kernel.door import ENTRY, REFUSE
from localcloud.kernel.framing import one_length
from localcloud.kernel.places import Places


class _Site(web.BaseSite):
    """A listening socket of an application, as aiohttp's runner knows it."""

    def __init__(self, runner: web.BaseRunner, listening: socket.socket, server: Server, places: Places) -> None:
        super().__init__(runner)
        self._listening = listening
        self._to_serve = server
        self._places = places

    @property
    def name(self) -> str:
        """The URL."""
        host, port = self._listening.getsockname()[:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        server = self._to_serve
        acceptor = Acceptor(self._listening, server.serve, places=self._places, patience=server.patience)
        self._server = cast(asyncio.AbstractServer, acceptor)  # of which a site uses no more than an acceptor has


class _Protocol(web.RequestHandler):
    """A connection, on which what is no HTTP is refused in the application's own words.

    Args:
        server: the connections of the application.
        application: answers, and refuses in its own words.
        options: those of aiohttp.
    """

    __slots__ = ("_body", "_refuse", "application")

    def __init__(self, server: web.Server, *, application: web.Application, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(server, **options)
        self.application = application
        self._refuse = application.get(REFUSE)
        self._body = EMPTY_PAYLOAD  # of the last request that began to come

    def data_received(self, data: bytes) -> None:
        """Take what has come; where a request begins, its length is made unambiguous."""
        super().data_received(one_length(data) if self._body.is_eof() else data)
        if self._messages:
            self._body = self._messages[-1][1]

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that aiohttp cannot read; the connection ends with it."""
        response = super().handle_error(request, status, exc, message)  # which notes it in the log
        if self._refuse is None:
            return response
        words = (message or "the request cannot be read").partition("\n")[0].rstrip(": ")
        response = self._refuse(cast(web.Request, request), status, words)
        response.force_close()
        return response


class _Request(web.Request):
    """A request that has no route, by which aiohttp would find the application whose answers are to be prepared."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        for prepare in cast(_Protocol, self.protocol).application.on_response_prepare:
            await prepare(self, response)


class Listener:
    """A port that serves an application over plain HTTP. Connections wait in the kernel's queue until it is opened."""

    def __init__(
        self,
        runner: web.BaseRunner,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        *,
        places: Places,
        patience: float,
    ) -> None:
        self.server = Server(make_protocol=make_protocol, patience=patience)  # serves connections from elsewhere, too
        self._runner = runner
        self._listening = listening
        self._site = _Site(runner, listening, self.server, places)

    @classmethod
    async def bind(
        cls, application: web.Application, host: str, port: int, *, places: Places, patience: float = PATIENCE
    ) -> Listener:
        """Take a port for an application.

        Args:
            application: what answers.
            host: the address.
            port: 0: a free one.
            places: of the connections to this port.
            patience: seconds without progress after which a client is cut off.

        Raises:
            OSError: the port is taken.
        """
        listening = socket.create_server((host, port), backlog=BACKLOG)
        application.on_response_prepare.append(_close_when_scarce)
        runner = _make_runner(application, patience)
        await runner.setup()
        assert runner.server is not None, "the runner was set up"
        make_protocol = partial(
            _Protocol,
            runner.server,
            application=application,
            loop=asyncio.get_running_loop(),
            access_log=None,
            auto_decompress=False,  # a body is what was sent, whatever its headers say
            keepalive_timeout=patience,
            lingering_time=min(patience, 10.0),
        )
        return cls(runner, listening, make_protocol, places=places, patience=patience)

    @property
    def port(self) -> int:
        """The port's number."""
        port: int = self._listening.getsockname()[1]
        return port

    async def open(self) -> None:
        """Begin to accept connections."""
        await self._site.start()

    async def close(self) -> None:
        """Accept no further connection, and end those that there are."""
        await self._runner.cleanup()
        self._listening.close()


async def _close_when_scarce(request: web.Request, response: web.StreamResponse) -> None:
    if PLACES.get().scarce:
        response.force_close()
        response.headers["Connection"] = "close"  # aiohttp has written its own headers by now


def _make_runner(application: web.Application, patience: float) -> web.BaseRunner:
    watch = _cutting_stalled_bodies(patience)
    shutdown = 2.0  # seconds; clients keep connections open for long
    entry = application.get(ENTRY)
    if entry is None:
        application.middlewares.append(watch)
        return web.AppRunner(application, handle_signals=False, shutdown_timeout=shutdown)

    def serve(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        assert isinstance(request, web.Request)
        return watch(request, entry) if request.can_read_body else entry(request)

    loop = asyncio.get_running_loop()
    server = web.Server(
        serve,
        request_factory=lambda message, payload, protocol, writer, task: _Request(
            message, payload, protocol, writer, task, loop
        ),
    )
    return web.ServerRunner(server, handle_signals=False, shutdown_timeout=shutdown)


def _cutting_stalled_bodies(patience: float) -> Middleware:
    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.can_read_body:
            return await handler(request)
        guard = _Guard(request, patience)
        try:
            return await handler(request)
        finally:
            guard.cancel()

    return watch


class _Guard:
    """Cuts the connection of a request whose body does not arrive."""

    def __init__(self, request: web.Request, patience: float) -> None:
        self._request = request
        self._patience = patience
        self._wait()

    def _wait(self) -> None:
        self._received = self._request.content.total_bytes
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._look)

    def _look(self) -> None:
        content, transport = self._request.content, self._request.transport
        if content.is_eof() or not isinstance(transport, asyncio.Transport):
            return
        # a connection that is not being read waits for the service, not for the client
        if content.total_bytes == self._received and transport.is_reading():
            transport.abort()
        else:
            self._wait()

    def cancel(self) -> None:
        """Let the connection be."""
        self._timer.cancel()
