"""The platform's end of the socket to an instance's bootstrap, which describes the messages.

The function shares the bootstrap's process and can write to the socket too: whatever comes is bounded and checked."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from localcloud.fc.instances.bootstrap import MAX_HEAD
from localcloud.fc.model import MAX_SYNC_PAYLOAD

MAX_RESULT = MAX_SYNC_PAYLOAD  # bytes; the platform names it for what goes in, assumed for what comes out
_PART = 1024 * 1024  # bytes


class MalformedAnswerError(Exception):
    """What came is no answer of a bootstrap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a function failed, as its runtime describes it."""

    during_import: bool
    message: str
    kind: str  # the exception's class
    trace: list[list[str]]  # lines by frame


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the bootstrap answered."""

    result: bytes
    failure: Failure | None


class Channel:
    """Sends requests to a bootstrap and receives its answers.

    Args:
        connection: not blocking; closed with this.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    async def send(self, head: object, payload: bytes = b"") -> None:
        """Send a message."""
        text = json.dumps(head).encode()
        await asyncio.get_running_loop().sock_sendall(self.connection, struct.pack(">I", len(text)) + text + payload)

    async def receive(self) -> Reply:
        """Receive an answer.

        Raises:
            EOFError: the bootstrap has ended.
            MalformedAnswerError: it said something else.
        """
        length = struct.unpack(">I", await self._receive(4))[0]
        if length > MAX_HEAD:
            raise MalformedAnswerError(f"a head of {length} bytes")
        size, failure = read_head(await self._receive(length))
        return Reply(result=await self._receive(size), failure=failure)

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


def read_head(text: bytes) -> tuple[int, Failure | None]:
    """Read the head of an answer: the size of the result in bytes, and the failure if there was one.

    Raises:
        MalformedAnswerError: it is none.
    """
    try:
        match json.loads(text):
            case {"ok": True, "size": int(size)} if 0 <= size <= MAX_RESULT:
                return size, None
            case {"ok": False, "size": 0, "kind": "import" | "exception" as kind, "error": dict(error)}:
                return 0, _read_failure(kind, error)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(f"a head that is no JSON: {type(error).__name__}") from error
    raise MalformedAnswerError("a head without what belongs there")


def _read_failure(kind: str, error: dict[str, Any]) -> Failure:
    match error:
        case {"errorMessage": str(message), "errorType": str(name), "stackTrace": list(trace)} if all(
            isinstance(frame, list) and all(isinstance(line, str) for line in frame) for frame in trace
        ):
            return Failure(during_import=kind == "import", message=message, kind=name, trace=trace)
    raise MalformedAnswerError("an error without what belongs there")
