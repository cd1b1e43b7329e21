"""Serves the sockets that a program listens on in a network of its own, so that what runs there reaches the embedded cloud.

A socket stays in the network namespace that it was made in. Whoever makes one connects to the socket `ADOPTION` in the data folder,
which only its owner can, reads which ports there are to serve, listens on them there and hands the listening sockets over. What
connects to them is accepted by the embedded cloud itself: nothing relays, nothing is copied. They are served until the process that
handed them over has ended.

Sources: unix(7) (SCM_RIGHTS, SO_PEERCRED), pidfd_open(2).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from localcloud.gateway.resolver import ADDRESS, PORT, Known, Resolver
from localcloud.kernel.acceptor import Acceptor, Serve, readable
from localcloud.kernel.places import Places

ADOPTION = "adoption"  # in the data folder
PATIENCE = 10.0  # seconds in which the sockets must come
SHARE = 0.25  # of the places of all connections from outside, for those of one network
WEB = (80, 443)  # the ports of the names under aliyuncs.com
_CREDENTIALS = struct.Struct("3i")  # struct ucred

logger = logging.getLogger(__name__)


class Adoption:
    """The socket in the data folder, and what was handed over there.

    Args:
        path: of the socket; one that a kill has left there is replaced.
        served: the embedded cloud's ports, and what serves the connections to each.
        gateway: serves the connections to the ports of the web.
        known: knows the names that are reached there beside those of the cloud.
        places: of connections from outside.

    Raises:
        OSError: there can be no socket at that path.
    """

    def __init__(
        self, path: Path, *, served: Mapping[int, Serve], gateway: Serve, known: Known, places: Places
    ) -> None:
        self._served = {**served, **dict.fromkeys(WEB, gateway)}
        self._known = known
        self._places = places
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with address_of(path) as address:
            self._socket.bind(address)
        path.chmod(0o600)
        self._socket.listen()
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept)

    async def close(self) -> None:
        """Take nothing more over, and close what was."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self) -> None:
        with contextlib.suppress(
            OSError
        ):  # it has gone again, or there are no descriptors left: it is told by its deadline
            connection, _ = self._socket.accept()
            task = self._loop.create_task(self._adopt(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _adopt(self, connection: socket.socket) -> None:
        """Take over what one process hands over, and serve it until that process has ended."""
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            connection.setblocking(False)
            try:
                pid, _, _ = _CREDENTIALS.unpack(
                    connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
                )
                process = os.pidfd_open(pid)
                stack.callback(os.close, process)
                connection.send(json.dumps({"ports": sorted(self._served), "resolver": PORT}).encode())
                places = self._places.part(SHARE)
                for each in await self._receive(connection):
                    stack.callback(take_over(each, self._served, known=self._known, places=places).close)
                connection.send(b"\0")  # from here on what connects is served
            except (OSError, TimeoutError, ValueError) as error:
                logger.warning("sockets of another network were not taken over: %s", error)
                return
            await readable(process)  # it has ended

    async def _receive(self, connection: socket.socket) -> list[socket.socket]:
        async with asyncio.timeout(PATIENCE):
            await readable(connection)
        _, descriptors, _, _ = socket.recv_fds(connection, 1, len(self._served) + 1)
        return [socket.socket(fileno=each) for each in descriptors]


def take_over(
    listening: socket.socket, served: Mapping[int, Serve], *, known: Known, places: Places
) -> Acceptor | Resolver:
    """Serve a socket of another network, which is closed when it is none that listens on a port of ours.

    Args:
        listening: the socket.
        served: the ports, and what serves the connections to each.
        known: knows the names that a resolver finds beside those of the cloud.
        places: of its connections.

    Raises:
        ValueError: it is not.
    """
    address, port = listening.getsockname()[:2] if listening.family == socket.AF_INET else ("", 0)
    if address == ADDRESS and listening.type == socket.SOCK_DGRAM and port == PORT:
        return Resolver(listening, known)
    if address == ADDRESS and listening.type == socket.SOCK_STREAM and port in served:
        return Acceptor(listening, served[port], places=places)
    listening.close()
    raise ValueError(f"a socket on {address}:{port} is none of those that were asked for")


@contextlib.contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give the address of a unix socket, whose path may be longer than the 107 bytes that an address holds."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
