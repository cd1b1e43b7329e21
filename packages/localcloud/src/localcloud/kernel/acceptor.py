"""Accepts the connections of a socket while there are places; who serves them is told by others.

Connections that find no place wait in the kernel's queue. A client that takes nothing of an answer loses its connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from localcloud.kernel.places import Places

BACKLOG = 512  # connections that wait in the kernel's queue
PATIENCE = 60.0  # seconds without progress
PAUSE = 1.0  # seconds until the next try, after the machine has refused a connection
BATCH = 64  # connections accepted before others have their turn

Serve = Callable[[socket.socket], Coroutine[Any, Any, None]]  # takes an accepted connection over
Tls = Callable[[], Awaitable[ssl.SSLContext]]  # returns settings, which may have to be made first

PLACES: ContextVar[Places] = ContextVar("places of the connection that is being served")
_LOG = logging.getLogger(__name__)


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
        PLACES.set(self._places)
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
