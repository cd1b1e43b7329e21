"""The TLS settings of the embedded cloud's services, made for the first connection that needs them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from datetime import UTC, datetime

from localcloud.gateway.authority import Authority


class ServerTls:
    """A certificate for some names, with a key that is new in each process.

    Args:
        authority: vouches for it.
        names: DNS names, wildcards allowed.
    """

    def __init__(self, authority: Authority, names: Collection[str]) -> None:
        self._authority = authority
        self._names = names
        self._making = asyncio.Lock()
        self._context: ssl.SSLContext | None = None

    async def __call__(self) -> ssl.SSLContext:
        """Return the settings.

        Raises:
            LocalCloudError: the authority cannot be read any more.
        """
        async with self._making:
            if self._context is None:
                self._context = await asyncio.to_thread(self._make)
            return self._context

    def _make(self) -> ssl.SSLContext:
        from localcloud.gateway.certificates import (
            make_server_context,  # several megabytes, for those who use TLS alone
        )

        return make_server_context(self._authority, self._names, now=datetime.now(UTC))
