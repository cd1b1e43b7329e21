"""Requests that the embedded cloud itself makes: to servers on loopback, and to no others.

No name is looked up: resolvers may ask the network for names below `localhost`, which can only mean this machine (RFC 6761 section
6.3). No redirect is followed, and no proxy asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
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
    if not is_near(url):
        raise ConnectionError(f"{url} is not on loopback")
    content = bytearray()
    connector = aiohttp.TCPConnector(resolver=_Loopback(), ssl=False)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=patience)) as session,
            session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > limit:
                    break
            return response.status, bytes(content)
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
