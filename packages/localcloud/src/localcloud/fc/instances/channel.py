"""The platform's end of the socket to an instance's bootstrap.

The function shares the bootstrap's process and can write to the socket too: whatever comes is bounded and checked.
"""

from __future__ import annotations

import asyncio
import json
import socket

from localcloud.fc.instances.messages import LENGTH, MAX_HEAD, Failure, Reply, Request, Setup, pack
from localcloud.fc.platform import MAX_SYNC_PAYLOAD

MAX_RESULT = MAX_SYNC_PAYLOAD  # bytes; the platform names it for what goes in, assumed for what comes out
_PART = 1024 * 1024  # bytes


class MalformedReplyError(Exception):
    """A message that is no reply of a bootstrap."""


class Channel:
    """Sends requests to a bootstrap and receives its replies, of several requests in whatever order.

    Args:
        connection: not blocking; closed with this.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._sending = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[tuple[Reply, bytes]]] = {}  # by the number of the request
        self._receiver: asyncio.Task[None] | None = None
        self._last = 0  # number of a request

    async def send(self, head: Setup | Request, payload: bytes = b"") -> None:
        """Send a message."""
        async with self._sending:
            await asyncio.get_running_loop().sock_sendall(self.connection, pack(head, payload))

    async def exchange(self, operation: str, request_id: str, payload: bytes) -> tuple[Reply, bytes]:
        """Send a request and wait for its reply; return that and its result.

        Raises:
            EOFError: the bootstrap has ended.
            MalformedReplyError: it said something else.
            OSError: likewise, or the connection is closed.
        """
        number = self._last = self._last + 1
        reply: asyncio.Future[tuple[Reply, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            if self._receiver is None:
                self._receiver = asyncio.create_task(self._receive_replies())
            elif self._receiver.done():
                raise EOFError
            await self.send(
                Request(operation=operation, request_id=request_id, number=number, size=len(payload)), payload
            )
            return await reply
        finally:
            del self._waiting[number]

    async def _receive_replies(self) -> None:
        end: Exception = EOFError()
        try:
            while True:
                reply, result = await self.receive()
                waiting = self._waiting.get(reply.number)
                if waiting is not None and not waiting.done():  # nobody may wait for it any more
                    waiting.set_result((reply, result))
        except (OSError, EOFError, MalformedReplyError) as error:
            end = error
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(end)

    async def receive(self) -> tuple[Reply, bytes]:
        """Receive a reply and its result.

        Raises:
            EOFError: the bootstrap has ended.
            MalformedReplyError: it said something else.
        """
        (length,) = LENGTH.unpack(await self._receive(LENGTH.size))
        if length > MAX_HEAD:
            raise MalformedReplyError(f"a head of {length} bytes")
        reply = read_reply(await self._receive(length))
        return reply, await self._receive(reply.size)

    async def _receive(self, size: int) -> bytes:
        loop, parts = asyncio.get_running_loop(), []
        while size:
            part = await loop.sock_recv(self.connection, min(size, _PART))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        if self._receiver is not None and not self._receiver.done():
            loop = self._receiver.get_loop()
            loop.remove_reader(self.connection)  # now: the next socket may get its number
            loop.remove_writer(self.connection)
            self._receiver.cancel()
        self.connection.close()


def read_reply(text: bytes) -> Reply:
    """Read the head of a reply.

    Raises:
        MalformedReplyError: it is none.
    """
    try:
        match json.loads(text):
            case {"number": int(number), "size": int(size), "failure": dict() | None as failure} if (
                0 <= size <= MAX_RESULT and not isinstance(size, bool)
            ):
                return Reply(number=number, size=size, failure=_read_failure(failure) if failure is not None else None)
    except (ValueError, RecursionError) as error:
        raise MalformedReplyError(f"a head that is no JSON: {type(error).__name__}") from error
    raise MalformedReplyError("a head without what belongs there")


def _read_failure(members: dict[str, object]) -> Failure:
    match members:
        case {
            "during_import": bool(during_import),
            "message": str(message),
            "kind": str(kind),
            "trace": list(trace),
            "handled": bool(handled),
        } if all(isinstance(frame, str) or _are_lines(frame) for frame in trace):
            return Failure(during_import=during_import, message=message, kind=kind, trace=trace, handled=handled)
    raise MalformedReplyError("a failure without what belongs there")


def _are_lines(frame: object) -> bool:
    return isinstance(frame, list) and all(isinstance(line, str) for line in frame)
