"""The content of a request: its bytes as they come, and how many there will be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from localcloud.kernel.door import meet_expectation
from localcloud.oss.errors import OssError
from localcloud.oss.throttle import THROTTLE

MAX_XML = 2 * 1024 * 1024  # bytes; a DeleteMultipleObjects request of 1,000 keys is the largest document


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The bytes that a request brings, to be read once.

    Attributes:
        length: of them, in bytes; None: the request does not say.
        ends: whether their end can be told: by their length, or because they come in chunks.
        chunks: the bytes.
    """

    length: int | None
    ends: bool
    chunks: AsyncIterator[bytes]

    async def whole(self) -> bytes:
        """Return all bytes of a small body.

        Raises:
            OssError: EntityTooLarge.
        """
        content = bytearray()
        async for chunk in self.chunks:
            content += chunk
            if len(content) > MAX_XML:
                raise OssError("EntityTooLarge", f"The request body is larger than {MAX_XML} bytes.")
        return bytes(content)


def content_of(request: web.Request) -> Content:
    """Return the body of a request, no faster than the request itself allows."""
    length, throttle = request.content_length, request[THROTTLE]
    chunks = _chunks(request)
    return Content(
        length=length,
        ends=length is not None or "Transfer-Encoding" in request.headers,
        chunks=throttle.slow(chunks) if throttle else chunks,
    )


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    await meet_expectation(
        request
    )  # not before: who is refused need not send a body (that OSS asks so late is assumed)
    async for chunk in request.content.iter_any():
        yield chunk
