"""The embedded cloud's TLS: its authority, which a start opens, and its services' settings, made when a connection needs them.

`certificates` makes both, with a library of several megabytes, which no start waits for that finds an authority, and no cloud holds
that serves no TLS: each function here imports it when it comes to that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from localcloud.gateway.authority import Authority, authority_of, is_good
from localcloud.kernel.errors import LocalCloudError

logger = logging.getLogger(__name__)


def open_authority(folder: Path, *, now: datetime) -> Authority:
    """Return the folder's authority; made when none is there that lasts and may vouch for all names.

    A copy of this process makes it, so that this one stays small: call it while no other thread runs.

    Raises:
        LocalCloudError: the kept authority cannot be read, or none can be made.
    """
    authority = authority_of(folder)
    if is_good(authority, now=now):
        return authority
    copy = os.fork()
    if not copy:
        _make_and_end(folder, now)
    if os.waitpid(copy, 0)[1]:
        raise LocalCloudError(f"{authority.both} cannot be made; what stands above says why")
    return authority


def _make_and_end(folder: Path, now: datetime) -> NoReturn:
    code = 1
    try:
        from localcloud.gateway.certificates import make_authority

        make_authority(folder, now=now)
        code = 0
    except Exception:
        logger.exception("no certificate authority can be made in %s", folder)
    finally:
        os._exit(code)  # nothing of what is open in both processes may be ended here


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
        from localcloud.gateway.certificates import make_server_context

        return make_server_context(self._authority, self._names, now=datetime.now(UTC))
