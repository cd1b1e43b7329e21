"""Custom domains: names of a user's own that lead to functions, by the path of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HTTP, HTTPS = "HTTP", "HTTPS"
PROTOCOLS = (HTTP, HTTPS, f"{HTTP},{HTTPS}")
AUTHENTICATIONS = ("anonymous", "function")
EQUAL, WILDCARD = "equalRules", "wildcardRules"
KINDS = (EQUAL, WILDCARD)  # of rules, in the order in which they are tried; assumed


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """A rule that rewrites a request's path."""

    kind: str  # one of KINDS
    match: str
    replacement: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A path of a domain, and the function that it leads to."""

    path: str  # /login, or /api/* for all below
    function: str  # its path; it need not exist yet
    qualifier: str = ""
    methods: Sequence[str] = ()  # FC 3.0; empty: all
    rules: Sequence[Rewrite] = ()  # the first one that matches counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate for a domain, and its key."""

    name: str
    chain: str  # PEM
    key: str = field(repr=False)  # PEM; never shown


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomDomain:
    """A custom domain."""

    name: str  # www.example.com, or *.example.com for one label
    generation: int  # of the API that it was made by: its routes lead to that one's functions
    protocol: str = HTTP  # one of PROTOCOLS
    routes: Sequence[Route] = ()
    certificate: Certificate | None = None
    authentication: str = "anonymous"  # FC 3.0; in FC 2.0 the function's HTTP trigger says it
    tls: Mapping[str, str] = field(default_factory=dict)  # minVersion and maxVersion, as the API has them
    created: float = 0.0  # seconds since the epoch
    modified: float = 0.0

    @property
    def protocols(self) -> Sequence[str]:
        """The protocols that it takes."""
        return self.protocol.split(",")
