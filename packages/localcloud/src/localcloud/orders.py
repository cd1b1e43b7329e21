"""What a running embedded cloud is told from outside: to stop, or to be emptied."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

EMPTIED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Orders:
    """The wishes of those outside: that it stops, or is emptied."""

    def __init__(self) -> None:
        self.stopped = False
        self._given = asyncio.Event()
        self._asking: list[socket.socket] = []  # those who wait until it is emptied

    def stop(self) -> None:
        """Have it stopped."""
        self.stopped = True
        self._given.set()

    def reset(self, connection: socket.socket) -> None:
        """See `Context.reset`."""
        self._asking.append(connection)
        self._given.set()

    async def wait(self) -> None:
        """Tell those who have asked so far that it is empty, and wait for a further wish."""
        for connection in self._asking:
            with connection, suppress(OSError):  # the client has gone
                connection.send(EMPTIED)
        self._asking.clear()
        if not self.stopped:
            self._given.clear()
        await self._given.wait()
