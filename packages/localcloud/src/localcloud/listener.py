"""HTTP listeners on loopback that neither a low limit of descriptors nor slow clients can stop.

All listeners of a process share its places: no more connections are accepted than the limit leaves descriptors for. The others wait
in the kernel's queue, and as places run short, connections are not kept open between requests. A client that makes no progress
loses its connection: while it sends the head of a request (or nothing), while it sends a body, and while it takes an answer.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

BACKLOG = 512  # connections that wait in the kernel's queue
PATIENCE = 60.0  # seconds without progress
PAUSE = 1.0  # seconds until the next try, after the machine has refused a connection
SPARE = 32  # descriptors for what is no connection: further listeners, databases, instances of functions
BATCH = 64  # connections accepted before others have their turn

_LOG = logging.getLogger(__name__)


class Places:
    """How many connections there may be at once.

    Args:
        count: of them.
    """

    def __init__(self, count: int) -> None:
        self._count = self._free = count
        self._waiting: list[Callable[[], None]] = []

    @classmethod
    def of_process(cls) -> Places:
        """Return as many as this process's limit of descriptors leaves room for: a socket and a file for each."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = 2**20
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
        return cls(max((limit - used - SPARE) // 2, 4))

    @property
    def scarce(self) -> bool:
        """Whether less than half of them is free."""
        return self._free * 2 < self._count

    def take(self) -> bool:
        """Take a place, if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """Give a place back, and call everybody who waits for one."""
        self._free += 1
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def wait(self, call: Callable[[], None]) -> None:
        """Have a function called when a place is given back."""
        self._waiting.append(call)


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


class _Acceptor:
    """Accepts connections while there are places; to aiohttp it is an `asyncio.Server`."""

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        *,
        places: Places,
        patience: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._make_protocol = make_protocol
        self._places = places
        self._patience = patience
        self._tls = tls
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
        connection.setblocking(False)
        # The kernel ends the connection when the client has taken nothing for that long (tcp(7), TCP_USER_TIMEOUT).
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._patience * 1000))
        try:
            await self._loop.connect_accepted_socket(
                self._make_protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._patience if self._tls else None,
            )
        except OSError:  # the client has gone, or speaks no TLS
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise


class _Site(web.BaseSite):
    """A port of an application."""

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        *,
        places: Places,
        patience: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(runner)
        self._address = host, port
        self._places = places
        self._patience = patience
        self._tls = tls

    @property
    def name(self) -> str:
        """The URL."""
        host, port = self._address
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Begin to accept.

        Raises:
            OSError: the port is taken.
        """
        listening = socket.create_server(self._address, backlog=BACKLOG)
        await super().start()
        assert self._runner.server is not None
        acceptor = _Acceptor(
            listening, self._runner.server, places=self._places, patience=self._patience, tls=self._tls
        )
        self._server = cast(asyncio.AbstractServer, acceptor)  # of which a site uses no more than an acceptor has


async def listen(
    application: web.Application,
    host: str,
    ports: Sequence[tuple[int, ssl.SSLContext | None]],
    *,
    places: Places,
    patience: float = PATIENCE,
) -> web.AppRunner:
    """Serve an application.

    Args:
        application: what answers.
        host: the address.
        ports: port (0: a free one) and TLS context (None: plain HTTP) of each listener; the runner's `addresses` are in this order.
        places: the process's connections.
        patience: seconds without progress after which a client is cut off.

    Raises:
        OSError: a port is taken.
    """

    async def close_when_scarce(request: web.Request, response: web.StreamResponse) -> None:
        if places.scarce:
            response.force_close()
            response.headers["Connection"] = "close"  # aiohttp has written its own headers by now

    application.on_response_prepare.append(close_when_scarce)
    application.middlewares.append(_cutting_stalled_bodies(patience))
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,  # a body is what was sent, whatever its headers say
        handle_signals=False,
        keepalive_timeout=patience,
        lingering_time=min(patience, 10.0),
        shutdown_timeout=2.0,  # clients keep connections open for long
    )
    await runner.setup()
    try:
        for port, tls in ports:
            await _Site(runner, host, port, places=places, patience=patience, tls=tls).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


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
