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
    """Sends requests to a bootstrap and receives its replies.

    Args:
        connection: not blocking; closed with this.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    async def send(self, head: Setup | Request, payload: bytes = b"") -> None:
        """Send a message."""
        await asyncio.get_running_loop().sock_sendall(self.connection, pack(head, payload))

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
        self.connection.close()


def read_reply(text: bytes) -> Reply:
    """Read the head of a reply.

    Raises:
        MalformedReplyError: it is none.
    """
    try:
        match json.loads(text):
            case {"size": int(size), "failure": None} if 0 <= size <= MAX_RESULT and not isinstance(size, bool):
                return Reply(size=size)
            case {"size": 0, "failure": dict(failure)}:
                return Reply(failure=_read_failure(failure))
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
        } if all(isinstance(frame, list) and all(isinstance(line, str) for line in frame) for frame in trace):
            return Failure(during_import=during_import, message=message, kind=kind, trace=trace)
    raise MalformedReplyError("a failure without what belongs there")
