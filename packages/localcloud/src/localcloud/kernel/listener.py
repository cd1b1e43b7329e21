"""HTTP listeners on loopback that neither a low limit of descriptors nor slow clients can stop.

All listeners of a process share its places, of which some may have a part only: no more connections are accepted than the limit
leaves descriptors for. What else holds descriptors for long, an instance of a function, takes places too. Connections that find
none wait in the kernel's queue, and as places run short, connections are not kept open between requests. A client that makes no
progress loses its connection: while it sends the head of a request (or nothing), while it sends a body, and while it takes an
answer.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.typedefs import Handler, Middleware

from localcloud.kernel.door import REFUSE, Refuse
from localcloud.kernel.framing import one_length

BACKLOG = 512  # connections that wait in the kernel's queue
PATIENCE = 60.0  # seconds without progress
PAUSE = 1.0  # seconds until the next try, after the machine has refused a connection
SPARE = 32  # descriptors for what is no connection: further listeners, databases, files that are read and written
LEAST = 2  # places of a part: a client copies from one connection to another
BATCH = 64  # connections accepted before others have their turn

Serve = Callable[[socket.socket], Coroutine[Any, Any, None]]  # takes an accepted connection over
Tls = Callable[[], Awaitable[ssl.SSLContext]]  # returns settings, which may have to be made first

_LOG = logging.getLogger(__name__)


class Places:
    """The number of connections that there may be at once; a place stands for two descriptors.

    Args:
        count: of them.
        whole: the places that these are a part of; None: they are no part.
    """

    def __init__(self, count: int, *, whole: Places | None = None) -> None:
        self._count = self._free = count
        self._whole = whole
        self._waiting: list[Callable[[], None]] = []

    @classmethod
    def of_process(cls) -> Places:
        """Return as many as this process's limit of descriptors leaves room for: a socket and a file for each."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = 2**20
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
        return cls(max((limit - used - SPARE) // 2, 4))

    def part(self, share: float) -> Places:
        """Return the places for some of the connections, which take no more than that share of these."""
        return Places(max(int(self._count * share), LEAST), whole=self)

    @property
    def scarce(self) -> bool:
        """Return True if less than half of them, or of the whole, is free."""
        return self._free * 2 < self._count or (self._whole is not None and self._whole.scarce)

    def take(self, count: int = 1) -> bool:
        """Take so many places, if they are free."""
        if self._free < count or (self._whole and not self._whole.take(count)):
            return False
        self._free -= count
        return True

    def give_back(self, count: int = 1) -> None:
        """Give places back, and call everybody who waits for one."""
        if self._whole:
            self._whole.give_back(count)
        self._free += count
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def wait(self, call: Callable[[], None]) -> None:
        """Have a function called when a place is given back that `take` did not find."""
        if self._free and self._whole:
            self._whole.wait(call)
        else:
            self._waiting.append(call)


_PLACES: ContextVar[Places] = ContextVar("places of the connection that is being served")


class _Connection(socket.socket):
    """A socket that gives its place back when it is closed."""

    def __init__(self, accepted: socket.socket, places: Places) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._places: Places | None = places

    def close(self) -> None:
        super().close()
        places, self._places = self._places, None
        if places:
            places.give_back()


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """An application that serves connections, wherever they were accepted."""

    make_protocol: Callable[[], asyncio.BaseProtocol]
    tls: ssl.SSLContext | Tls | None = None  # None: plain HTTP
    patience: float = PATIENCE  # seconds for the TLS handshake

    async def serve(self, connection: socket.socket, received: bytes = b"") -> None:
        """Take a connection over.

        Args:
            connection: not blocking.
            received: what was read from it already, without TLS.

        Raises:
            OSError: the client has gone, or speaks no TLS.
        """
        tls = self.tls if self.tls is None or isinstance(self.tls, ssl.SSLContext) else await self.tls()
        _, protocol = await asyncio.get_running_loop().connect_accepted_socket(
            self.make_protocol,
            connection,
            ssl=tls,
            ssl_handshake_timeout=self.patience if tls else None,
        )
        if received:  # nothing else was read yet: the loop looks at the connection only after this step
            cast(asyncio.Protocol, protocol).data_received(received)


class Acceptor:
    """Accepts connections while there are places, and cuts those that take nothing; to aiohttp it is an `asyncio.Server`.

    Args:
        listening: the socket; closed with the acceptor.
        serve: gets each connection, not blocking.
        places: of these connections.
        patience: seconds after which a client that takes nothing is cut off.
    """

    def __init__(self, listening: socket.socket, serve: Serve, *, places: Places, patience: float = PATIENCE) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._serve = serve
        self._places = places
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[None]] = set()
        self._open = True
        self._resume()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening socket, as `asyncio.Server` has it."""
        return [self._socket]

    def close(self) -> None:
        """Stop accepting."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            self._socket.close()
            for task in self._beginning:
                task.cancel()

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(BATCH):
            if not self._places.take():
                self._loop.remove_reader(self._socket)
                self._places.wait(self._resume)
                return
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._places.give_back()
                return
            except OSError as error:  # the machine has no descriptor or memory left
                self._places.give_back()
                _LOG.warning("no connection can be accepted for %s s: %s", PAUSE, error.strerror)
                self._loop.remove_reader(self._socket)
                self._loop.call_later(PAUSE, self._resume)
                return
            task = self._loop.create_task(self._begin(_Connection(accepted, self._places)))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: _Connection) -> None:
        _PLACES.set(self._places)
        connection.setblocking(False)
        # The kernel ends the connection when the client has taken nothing for that long (tcp(7), TCP_USER_TIMEOUT).
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._patience * 1000))
        try:
            await self._serve(connection)
        except OSError:  # the client has gone, or does not speak what it should
            connection.close()
        except BaseException:
            connection.close()
            raise


async def readable(connection: socket.socket | int) -> None:
    """Wait until there is something to read from a socket or descriptor, or the end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _Site(web.BaseSite):
    """A listening socket of an application, as aiohttp's runner knows it."""

    def __init__(self, runner: web.AppRunner, listening: socket.socket, server: Server, places: Places) -> None:
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
        refuse: makes the answer, of a status and the words for what was wrong; None: aiohttp does.
        options: those of aiohttp.
    """

    __slots__ = ("_body", "_refuse")

    def __init__(self, server: web.Server, *, refuse: Refuse | None, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(server, **options)
        self._refuse = refuse
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


class Listener:
    """A port that serves an application over plain HTTP. Connections wait in the kernel's queue until it is opened."""

    def __init__(
        self,
        runner: web.AppRunner,
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
        application.middlewares.append(_cutting_stalled_bodies(patience))
        # clients keep connections open for long
        runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        assert runner.server is not None, "the runner was set up"
        make_protocol = partial(
            _Protocol,
            runner.server,
            refuse=application.get(REFUSE),
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
    if _PLACES.get().scarce:
        response.force_close()
        response.headers["Connection"] = "close"  # aiohttp has written its own headers by now


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
