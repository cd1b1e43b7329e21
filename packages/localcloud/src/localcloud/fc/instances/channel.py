"""The platform's end of the socket to an instance's bootstrap.

The function shares the bootstrap's process and can write to the socket too: whatever comes is bounded and checked.
"""

from __future__ import annotations

import asyncio
import json
import socket

from localcloud.fc.instances.messages import LENGTH, MAX_HEAD, Answer, Failure, Request, Settings, pack
from localcloud.fc.platform import MAX_SYNC_PAYLOAD

MAX_RESULT = MAX_SYNC_PAYLOAD  # bytes; the platform names it for what goes in, assumed for what comes out
_PART = 1024 * 1024  # bytes


class MalformedAnswerError(Exception):
    """A message that is no answer of a bootstrap."""


class Channel:
    """Sends requests to a bootstrap and receives its answers.

    Args:
        connection: not blocking; closed with this.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    async def send(self, head: Settings | Request, payload: bytes = b"") -> None:
        """Send a message."""
        await asyncio.get_running_loop().sock_sendall(self.connection, pack(head, payload))

    async def receive(self) -> tuple[Answer, bytes]:
        """Receive an answer and its result.

        Raises:
            EOFError: the bootstrap has ended.
            MalformedAnswerError: it said something else.
        """
        (length,) = LENGTH.unpack(await self._receive(LENGTH.size))
        if length > MAX_HEAD:
            raise MalformedAnswerError(f"a head of {length} bytes")
        answer = read_answer(await self._receive(length))
        return answer, await self._receive(answer.size)

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


def read_answer(text: bytes) -> Answer:
    """Read the head of an answer.

    Raises:
        MalformedAnswerError: it is none.
    """
    try:
        match json.loads(text):
            case {"size": int(size), "failure": None} if 0 <= size <= MAX_RESULT and not isinstance(size, bool):
                return Answer(size=size)
            case {"size": 0, "failure": dict(failure)}:
                return Answer(failure=_read_failure(failure))
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(f"a head that is no JSON: {type(error).__name__}") from error
    raise MalformedAnswerError("a head without what belongs there")


def _read_failure(members: dict[str, object]) -> Failure:
    match members:
        case {
            "during_import": bool(during_import),
            "message": str(message),
            "kind": str(kind),
            "trace": list(trace),
        } if all(isinstance(frame, list) and all(isinstance(line, str) for line in frame) for frame in trace):
            return Failure(during_import=during_import, message=message, kind=kind, trace=trace)
    raise MalformedAnswerError("a failure without what belongs there")
