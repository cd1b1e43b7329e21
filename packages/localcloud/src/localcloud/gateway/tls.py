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
from localcloud.kernel.service import TlsLimits

MOST = 32  # settings that are kept
_OPTIONS = {
    "TLSv1.0": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
    "TLSv1.3": ssl.OP_NO_TLSv1_3,
}

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
        self._contexts: dict[TlsLimits | None, ssl.SSLContext] = {}

    async def __call__(self, limits: TlsLimits | None = None) -> ssl.SSLContext:
        """Return the settings, or those within limits.

        Raises:
            LocalCloudError: the authority cannot be read any more.
        """
        async with self._making:
            if limits not in self._contexts:
                if len(self._contexts) >= MOST:
                    self._contexts.clear()
                self._contexts[limits] = await asyncio.to_thread(self._make, limits)
            return self._contexts[limits]

    def _make(self, limits: TlsLimits | None) -> ssl.SSLContext:
        from localcloud.gateway.certificates import make_server_context

        context = make_server_context(self._authority, self._names, now=datetime.now(UTC))
        if limits is not None:
            _limit(context, limits)
        return context


def _limit(context: ssl.SSLContext, limits: TlsLimits) -> None:
    """Take from TLS settings what is not within limits."""
    refused = set() if limits.versions is None else _OPTIONS.keys() - limits.versions
    if limits.ciphers is not None:
        try:
            context.set_ciphers(limits.ciphers)
        except ssl.SSLError:  # there is none of them
            refused |= _OPTIONS.keys() - {"TLSv1.3"}
    for version in refused:
        context.options |= _OPTIONS[version]
