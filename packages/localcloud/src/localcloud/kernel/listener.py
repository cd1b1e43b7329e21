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


class _Protocol(web.RequestHandler):
    """A connection, on which what is no HTTP is refused in the application's own words.

    Args:
        server: the connections of the application.
        application: answers, and refuses in its own words.
        ended: says whether the application has ended; a handshake may have taken longer.
        options: those of aiohttp.
    """

    __slots__ = ("_body", "_ended", "_refuse", "application")

    def __init__(
        self,
        server: web.Server,
        *,
        application: web.Application,
        ended: Callable[[], bool],
        **options: Any,  # noqa: ANN401 - aiohttp's
    ) -> None:
        super().__init__(server, **options)
        self.application = application
        self._ended = ended
        self._refuse = application.get(REFUSE)
        self._body = EMPTY_PAYLOAD  # of the last request that began to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there is nobody left to answer."""
        super().connection_made(transport)
        if self._ended():
            cast(asyncio.Transport, transport).abort()

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
    """A port that serves an application over plain HTTP, and another one after it. While there is none, connections wait.

    Args:
        host: the address.
        port: 0: a free one.
        places: of the connections to this port.
        patience: seconds without progress after which a client is cut off.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, host: str, port: int, *, places: Places, patience: float = PATIENCE) -> None:
        listening = socket.create_server((host, port), backlog=BACKLOG)
        self.port: int = listening.getsockname()[1]
        self._patience = patience
        self._runner: web.BaseRunner | None = None
        self._opened: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        self._acceptor = Acceptor(listening, self.serve, places=places, patience=patience)

    @property
    def server(self) -> Server:
        """What serves the application's connections, wherever they were accepted; it is opened."""
        return self._opened.result()

    async def serve(self, connection: socket.socket) -> None:
        """Have the application serve a connection, as soon as there is one.

        Raises:
            OSError: the client has gone.
        """
        server = await asyncio.shield(self._opened)
        await server.serve(connection)

    async def open(self, application: web.Application) -> None:
        """Begin to serve an application; there is none."""
        application.on_response_prepare.append(_begin_answer)
        self._runner = runner = _make_runner(application, self._patience)
        await runner.setup()
        assert runner.server is not None, "the runner was set up"
        make_protocol = partial(
            _Protocol,
            runner.server,
            application=application,
            ended=lambda: self._runner is not runner,
            loop=asyncio.get_running_loop(),
            access_log=None,
            auto_decompress=False,  # a body is what was sent, whatever its headers say
            keepalive_timeout=self._patience,
            lingering_time=min(self._patience, 10.0),
        )
        self._opened.set_result(Server(make_protocol=make_protocol, patience=self._patience))

    async def leave(self) -> None:
        """Serve the application no longer, and end its connections; further ones wait."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._opened = asyncio.get_running_loop().create_future()
            await runner.cleanup()

    async def close(self) -> None:
        """Accept no further connection, and end those that there are."""
        self._acceptor.close()
        await self.leave()


async def _begin_answer(request: web.Request, response: web.StreamResponse) -> None:
    unread = not request.content.is_eof()
    if unread and (guard := request.get(_GUARD)):
        guard.cancel()  # the answer has begun without the rest of the body, and nobody waits for that
    # A client need not keep the promise of a body that was not waited for: what comes next may be a request.
    if unread or PLACES.get().scarce:
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
        guard = request[_GUARD] = _Guard(request, patience)
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


_GUARD = web.RequestKey("guard", _Guard)  # of the request's body, where it has one
