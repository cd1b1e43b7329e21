"""The embedded cloud's ports inside the network of an instance.

An instance has a network namespace of its own, with nothing but its own loopback: no other port of this machine, and nothing
beyond it. Its bootstrap, before any code of the function runs, listens there on the ports that the embedded cloud has outside,
and hands the listening sockets over. A socket stays in the namespace that it was made in, so what connects inside is accepted by
the embedded cloud itself: nothing relays, nothing is copied. An instance has a share of the places of all: it can neither take the
others' nor the machine's.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence

from localcloud.gateway.adoption import WEB, take_over
from localcloud.gateway.resolver import Known, Resolver
from localcloud.kernel.acceptor import Acceptor, Serve, readable
from localcloud.kernel.places import Places

SHARE = 0.25  # of the places of all instances' connections, for those of one
_CREDENTIALS = struct.Struct("3i")  # unix(7): struct ucred


class Adopted:
    """The ports of the embedded cloud inside of one instance, served until they are closed."""

    def __init__(self, listeners: Sequence[Acceptor | Resolver]) -> None:
        self._listeners = listeners

    def close(self) -> None:
        """Accept no further connection there."""
        for listener in self._listeners:
            listener.close()


class Ports:
    """The ports of the embedded cloud, which instances reach under the same numbers."""

    def __init__(self) -> None:
        self._served: Mapping[int, Serve] = {}
        self._known: Known = lambda _: False
        self._places = self.rooms = Places(0)

    def open(self, served: Mapping[int, Serve], *, known: Known, places: Places, rooms: Places) -> None:
        """Serve the connections of instances.

        Args:
            served: the ports, and for each what serves its connections.
            known: knows the names that instances find beside those of the cloud.
            places: of the connections from all instances.
            rooms: places of the instances themselves, which hold descriptors as long as they run.
        """
        self._served, self._known, self._places, self.rooms = served, known, places, rooms

    def numbers(self, *, web: bool) -> list[int]:
        """Return the ports, with or without those of the web."""
        return [port for port in self._served if web or port not in WEB]

    @property
    def most(self) -> int:
        """The number of sockets that an instance hands over at most."""
        return len(self._served) + 1

    async def adopt(self, sockets: Sequence[socket.socket]) -> Adopted:
        """Serve sockets that listen on these ports inside of an instance; they are closed with what is returned."""
        places = self._places.part(SHARE)
        return Adopted([take_over(each, self._served, known=self._known, places=places) for each in sockets])


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
    await readable(channel)
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
