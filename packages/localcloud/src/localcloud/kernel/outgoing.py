"""Requests that the embedded cloud itself makes: to servers on loopback, and to no others.

No name is looked up: resolvers may ask the network for names below `localhost`, which can only mean this machine (RFC 6761 section
6.3). No redirect is followed, and no proxy asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from localcloud.kernel.door import is_loopback


def is_near(url: str) -> bool:
    """Return True for a URL of HTTP whose host can only mean this machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and is_loopback(parts.hostname or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer of a server: its head, and its body as it comes."""

    status: int
    headers: Mapping[str, str]  # by lower-case name
    length: int | None  # bytes of the body; None: the server does not say
    chunks: AsyncIterator[bytes]


async def send(
    method: str,
    url: str,
    *,
    limit: int,
    patience: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Send a request to a server on loopback, and return the status of its answer and the body.

    Args:
        method: of the request.
        url: one that `is_near`.
        limit: bytes of the answer; one that has more is read up to the next few.
        patience: seconds for all of it.
        body: of the request.
        headers: of the request.

    Raises:
        TimeoutError: that time is over.
        ConnectionError: the server cannot be reached, or answers no HTTP; or what is to be sent is none.
    """
    content = bytearray()
    async with sending(method, url, patience=patience, body=body, headers=headers) as answer:
        async for chunk in answer.chunks:
            content += chunk
            if len(content) > limit:
                break
        return answer.status, bytes(content)


@asynccontextmanager
async def sending(
    method: str,
    url: str,
    *,
    patience: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    unpack: bool = True,
) -> AsyncIterator[Answer]:
    """Send a request to a server on loopback, and yield its answer, which is given up when the block ends.

    Args:
        method: of the request.
        url: one that `is_near`.
        patience: seconds for all of it, the block too.
        body: of the request.
        headers: of the request.
        unpack: a body with a Content-Encoding is yielded without it.

    Raises:
        TimeoutError: that time is over.
        ConnectionError: the server cannot be reached, or answers no HTTP; or what is to be sent is none.
    """
    if not is_near(url):
        raise ConnectionError(f"{url} is not on loopback")
    connector = aiohttp.TCPConnector(resolver=_Loopback(), ssl=False)
    timeout = aiohttp.ClientTimeout(total=patience)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=unpack) as session,
            session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            yield Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
                length=response.content_length,
                chunks=response.content.iter_any(),
            )
    except TimeoutError:
        raise
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        raise ConnectionError(str(error)) from error


class _Loopback(AbstractResolver):
    """Says of every name that it is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
            if family in (kind, socket.AF_UNSPEC)
        ]

    async def close(self) -> None:
        """Give back nothing, for nothing is held."""
