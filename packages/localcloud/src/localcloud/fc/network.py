"""The embedded cloud's ports inside the network of an instance.

An instance has a network namespace of its own, with nothing but its own loopback: no other port of this machine, and nothing
beyond it. Its bootstrap, before any code of the function runs, listens there on the ports that the embedded cloud has outside,
and hands the listening sockets over. A socket stays in the namespace that it was made in, so what connects inside is accepted by
the embedded cloud itself: nothing relays, nothing is copied."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping, Sequence

_CREDENTIALS = struct.Struct("3i")  # unix(7): struct ucred
ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class Adopted:
    """The ports of the embedded cloud inside of one instance, served until they are closed."""

    def __init__(self, servers: Sequence[asyncio.Server]) -> None:
        self._servers = servers

    def close(self) -> None:
        """Accept no further connection there."""
        for server in self._servers:
            server.close()


class Ports:
    """The ports of the embedded cloud that instances reach under the same numbers, and what serves their connections."""

    def __init__(self) -> None:
        self._served: Mapping[int, ProtocolFactory] = {}

    def open(self, served: Mapping[int, ProtocolFactory]) -> None:
        """Name the ports, and for each what makes the protocol of a connection."""
        self._served = served

    @property
    def numbers(self) -> list[int]:
        """The ports."""
        return list(self._served)

    async def adopt(self, sockets: Sequence[socket.socket]) -> Adopted:
        """Serve sockets that listen on these ports inside of an instance; they are closed with what is returned."""
        loop, servers = asyncio.get_running_loop(), []
        for listening in sockets:
            factory = self._served[listening.getsockname()[1]]
            servers.append(await loop.create_server(factory, sock=listening))
        return Adopted(servers)


async def receive_sockets(channel: socket.socket, count: int) -> tuple[int, list[socket.socket]]:
    """Receive the one byte with which an instance's bootstrap reports, and the listening sockets that come with it.

    Args:
        channel: not blocking; its option SO_PASSCRED is set.
        count: how many sockets at most.

    Returns:
        The id of the bootstrap's process as this machine sees it, and the sockets.

    Raises:
        EOFError: the bootstrap has ended.
    """
    await _readable(channel)
    space = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(count * struct.calcsize("i"))
    byte, messages, _, _ = channel.recvmsg(1, space, socket.MSG_CMSG_CLOEXEC)
    if not byte:
        raise EOFError
    pid, sockets = 0, []
    for _, kind, content in messages:
        if kind == socket.SCM_CREDENTIALS:
            pid = _CREDENTIALS.unpack(content)[0]
        else:
            descriptors = struct.unpack(f"{len(content) // struct.calcsize('i')}i", content)
            sockets = [socket.socket(fileno=each) for each in descriptors]
    return pid, sockets


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _readable(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(channel, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(channel)
