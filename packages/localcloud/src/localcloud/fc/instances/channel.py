"""The platform's end of the socket to an instance's bootstrap.

The function shares the bootstrap's process and can write to the socket too: whatever comes is bounded and checked.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from localcloud.fc.instances.messages import Failure, Reply, Request, Setup, pack
from localcloud.fc.instances.wire import LENGTH, MAX_HEAD
from localcloud.fc.platform import MAX_SYNC_PAYLOAD

TakePart = Callable[[bytes], object]  # takes a result that comes in parts
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
        self._waiting: dict[int, _Exchange] = {}  # by the number of the request
        self._receiver: asyncio.Task[None] | None = None
        self._last = 0  # number of a request

    async def send(self, head: Setup | Request, payload: bytes = b"") -> None:
        """Send a message."""
        async with self._sending:
            await asyncio.get_running_loop().sock_sendall(self.connection, pack(head, payload))

    async def exchange(
        self,
        operation: str,
        request_id: str,
        payload: bytes,
        parts: TakePart | None = None,
        *,
        opened: Callable[[], Awaitable[None]],
    ) -> tuple[Reply, bytes]:
        """Send a request and wait for its last reply; return that and its result.

        Args:
            operation: one of those of `messages`.
            request_id: the request's id.
            payload: the event.
            parts: gets the payloads of the replies before the last; None: there are to be none.
            opened: receives what comes before the first reply; the request does not wait for that.

        Raises:
            EOFError: the bootstrap has ended.
            MalformedReplyError: it said something else.
            OSError: likewise, or the connection is closed.
        """
        number = self._last = self._last + 1
        reply: asyncio.Future[tuple[Reply, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Exchange(reply=reply, parts=parts)
        try:
            await self.send(
                Request(operation=operation, request_id=request_id, number=number, size=len(payload)), payload
            )
            await opened()
            if self._receiver is None:
                self._receiver = asyncio.create_task(self._receive_replies())
            elif self._receiver.done() and not reply.done():
                raise EOFError
            return await reply
        finally:
            del self._waiting[number]

    async def _receive_replies(self) -> None:
        end: Exception = EOFError()
        try:
            while True:
                reply, result = await self.receive()
                if (waiting := self._waiting.get(reply.number)) is not None:  # nobody may wait for it any more
                    waiting.take(reply, result)
        except (OSError, EOFError, MalformedReplyError) as error:
            end = error
        finally:
            for waiting in self._waiting.values():
                if not waiting.reply.done():
                    waiting.reply.set_exception(end)

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


@dataclass(kw_only=True, slots=True)
class _Exchange:
    """A request that waits for its last reply."""

    reply: asyncio.Future[tuple[Reply, bytes]]
    parts: TakePart | None
    received: int = 0  # bytes of parts

    def take(self, reply: Reply, result: bytes) -> None:
        """Take a reply.

        Raises:
            MalformedReplyError: a part that nobody expects, or too much of them.
        """
        if self.reply.done():
            return
        if not reply.more:
            self.reply.set_result((reply, result))
            return
        self.received += len(result)
        if self.parts is None or self.received > MAX_RESULT:
            raise MalformedReplyError("a part of a result that comes whole" if self.parts is None else "too many parts")
        self.parts(result)


def read_reply(text: bytes) -> Reply:
    """Read the head of a reply.

    Raises:
        MalformedReplyError: it is none.
    """
    try:
        match json.loads(text):
            case {"number": int(number), "size": int(size), "failure": dict() | None as failure, **rest} if (
                0 <= size <= MAX_RESULT and not isinstance(size, bool)
            ):
                failed = _read_failure(failure) if failure is not None else None
                return Reply(number=number, size=size, failure=failed, more=rest.get("more") is True)
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
