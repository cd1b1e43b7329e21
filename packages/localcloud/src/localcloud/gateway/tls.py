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
from functools import partial
from pathlib import Path
from typing import NoReturn

from localcloud.gateway.authority import Authority, authority_of, is_good
from localcloud.gateway.names import find_name
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
    """Certificates with keys that are new in each process: one for some names, and one for each other name that is asked for.

    The names of all regions would make a certificate of 50 KB, which each connection would begin with.

    Args:
        authority: vouches for them.
        names: DNS names, wildcards allowed.
        others: further ones.
    """

    def __init__(self, authority: Authority, names: Collection[str], others: Collection[str] = ()) -> None:
        self._authority = authority
        self._names = names
        self._others = frozenset(others) - frozenset(names)
        self._making = asyncio.Lock()
        self._contexts: dict[TlsLimits | None, ssl.SSLContext] = {}
        self._of_others: dict[tuple[str, TlsLimits | None], ssl.SSLContext] = {}  # likewise, by name

    async def __call__(self, limits: TlsLimits | None = None) -> ssl.SSLContext:
        """Return the settings, or those within limits.

        Raises:
            LocalCloudError: the authority cannot be read any more.
        """
        async with self._making:
            if limits not in self._contexts:
                if len(self._contexts) >= MOST:
                    self._contexts.clear()
                context = await asyncio.to_thread(self._make, self._names, limits)
                context.sni_callback = partial(self._choose, limits)
                self._contexts[limits] = context
            return self._contexts[limits]

    def _choose(
        self,
        limits: TlsLimits | None,
        connection: ssl.SSLObject | ssl.SSLSocket,
        host: str | None,
        context: ssl.SSLContext,
    ) -> None:
        """Have a connection use the certificate of the name that it asks for, if that is one of the others."""
        name = find_name(host or "", self._others)
        if name is None:
            return
        if (name, limits) not in self._of_others:
            if len(self._of_others) >= MOST:
                self._of_others.clear()
            self._of_others[name, limits] = self._make([name], limits)
        connection.context = self._of_others[name, limits]

    def _make(self, names: Collection[str], limits: TlsLimits | None) -> ssl.SSLContext:
        from localcloud.gateway.certificates import make_server_context

        context = make_server_context(self._authority, names, now=datetime.now(UTC))
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
