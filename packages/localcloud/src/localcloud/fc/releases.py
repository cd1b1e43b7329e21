"""Versions, aliases, and the release of a function that an invocation finds: the nouns of publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localcloud.fc.attachments import Nas, Vpc
from localcloud.fc.model import Function, Service

LATEST = "LATEST"  # the qualifier of what is not published


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """An unchangeable copy of a service with its functions (FC 2.0) or of a function (FC 3.0)."""

    owner: str  # path of the service or function that was published
    id: str  # "1", "2", …: ids are not given twice
    functions: Sequence[Function]
    service: Service | None = None  # of FC 2.0
    description: str = ""
    created: float = 0.0  # seconds since the epoch
    modified: float = 0.0

    @property
    def name(self) -> str:
        """Its id, by which lists are ordered."""
        return self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias:
    """A name for a version, which may share its invocations with other versions."""

    owner: str  # path of the service or function
    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)  # share of the invocations, by further version
    description: str = ""
    created: float = 0.0  # seconds since the epoch
    modified: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A function as an invocation finds it: what is not published, a version, or the one that an alias leads to."""

    function: Function
    service: Service | None  # of FC 2.0
    qualifier: str = LATEST  # as it was asked for
    version: str = ""  # empty: what is not published

    @property
    def key(self) -> tuple[str, str, str]:
        """The release's identity: instances serve one release."""
        return self.function.path, self.qualifier, self.version

    @property
    def vpc(self) -> Vpc | None:
        """The network that its instances are in."""
        return (self.service or self.function).vpc

    @property
    def nas(self) -> Nas:
        """The file systems that its instances mount."""
        return (self.service or self.function).nas
