"""A service of the embedded cloud: how it is described, made, opened and closed.

Each service's folder has one module `composition` with its `SERVICE`, a `Definition`; `localcloud.services` lists them. The
composition of the whole (`localcloud.server`) makes a `Service` of each definition and knows nothing else of it.
"""

from __future__ import annotations

import socket
import ssl
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from aiohttp import web

from localcloud.kernel.acceptor import Serve
from localcloud.kernel.accounts import Folders
from localcloud.kernel.clock import Clock
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.places import Places
from localcloud.kernel.signatures import Authenticator

Domain = TypeVar("Domain")
Reset = Callable[[socket.socket], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The embedded cloud that a service is made for."""

    data: Path  # the data folder
    region: str  # the home region, in which a service is unless it is in all of them
    account_id: str  # of the first account
    folders: Folders  # of all accounts
    admin_token: str = field(repr=False)  # the bearer token of the embedded cloud's own endpoints
    clock: Clock  # by which the cloud does what it does
    machine_clock: Callable[[], float]  # by which clients sign; seconds since the epoch
    reset: Reset  # has the embedded cloud emptied; the client of that connection is told when it is
    credentials: CredentialStore
    authorizer: Authorizer
    authenticator: Authenticator  # one for all services: a request sent to two of them is a replay
    serves: Callable[[str], bool]  # says whether a host name is the service's
    gateway: tuple[str, int]  # address and port of the gateway
    authority: str  # the certificate (PEM) that clients of the gateway's TLS trust
    options: Namespace  # of the command line
    domains: Sequence[object]  # the domains of the services that were made before

    def domain(self, kind: type[Domain]) -> Domain:
        """Return another service's domain; the service's definition names it under `needs`."""
        return next(domain for domain in self.domains if isinstance(domain, kind))


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """The addresses of the embedded cloud."""

    endpoints: Mapping[str, str]  # the URL of each service, by its name
    served: Mapping[int, Serve]  # all ports, and what serves the connections to each
    gateway: Serve  # serves the connections to any name under aliyuncs.com
    known: Callable[[str], bool]  # says whether a name, in lower case, is one that a service's users have given it
    places: Places  # of all connections of this process


class Names(Protocol):
    """Names that a service's users give it, beside those of the cloud."""

    def serves(self, host: str) -> bool:
        """Return True if a host name, in lower case, is one of them."""

    def tls(self, host: str) -> ssl.SSLContext | None:
        """Return the TLS settings of a host name; None: it is none of them, or takes no TLS."""


@dataclass(frozen=True, slots=True)
class TlsLimits:
    """The part of TLS that a name takes; a handshake that asks for another fails."""

    versions: frozenset[str] | None  # TLSv1.2, TLSv1.3; None: all
    ciphers: str | None  # of the versions before 1.3, as OpenSSL lists them; None: all


def _unlimited(host: str) -> TlsLimits | None:
    """Return no limits, whatever the name."""
    return None


async def _open(network: Network) -> None:
    """Open a service that needs no opening."""


async def _close() -> None:
    """End a service that does nothing by itself, and holds nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service that was made.

    Attributes:
        domain: its operations without HTTP, which other services may be given.
        application: answers its requests.
        open: lets it begin, before its first request; it runs in the event loop that serves requests.
        stop: ends the work that it does by itself, while all services still answer.
        close: gives back what it holds, after its last request; also when it was never opened.
        facts: what else the ready line says, by name.
        names: those that its users give it; None: they cannot.
        tls_limits: returns those of the TLS that one of its names under aliyuncs.com takes; None: it takes all.
    """

    domain: object
    application: web.Application
    open: Callable[[Network], Awaitable[None]] = _open
    stop: Callable[[], Awaitable[None]] = _close
    close: Callable[[], Awaitable[None]] = _close
    facts: Mapping[str, str] = field(default_factory=dict)
    names: Names | None = None
    tls_limits: Callable[[str], TlsLimits | None] = _unlimited


def _no_options(parser: ArgumentParser) -> None:
    """Add no options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One kind of service.

    Attributes:
        name: in the ready line (`oss`); its folder in the source has it, too.
        title: in the documentation (`OSS`).
        hosts: its names under aliyuncs.com; `*.` stands for one label, `{region}` for the home region, and `{any_region}`
            for each region in turn: the service is in all of them.
        apps: its names under fcapp.run, likewise.
        create: makes it; a LocalCloudError says why it cannot be made.
        needs: the names of the services whose domains it asks for.
        all_accounts: whether it serves accounts beside the first one, too; else it takes no calls of theirs.
        add_options: adds its options to the command line.
    """

    name: str
    title: str
    hosts: Sequence[str]
    create: Callable[[Context], Service]
    apps: Sequence[str] = ()
    needs: Sequence[str] = ()
    all_accounts: bool = False
    add_options: Callable[[ArgumentParser], None] = _no_options
