"""The network and the file systems that a function is attached to: the nouns of `vpcConfig` and `nasConfig`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PLATFORM_ID = -1  # of a user or group: the platform's choice


@dataclass(frozen=True, kw_only=True, slots=True)
class Vpc:
    """A place in a virtual private cloud."""

    id: str
    switches: Sequence[str]  # ids of its vSwitches
    security_group: str  # id


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A directory of a file system, and the folder in which instances see it."""

    server: str  # HOST:/DIRECTORY
    folder: str
    tls: bool = False  # files travel enciphered; here they do not travel

    @property
    def host(self) -> str:
        """The host of the mount target."""
        return self.server.partition(":")[0]

    @property
    def directory(self) -> str:
        """The directory of the file system: /DIRECTORY."""
        return self.server.partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Nas:
    """The file systems that instances mount, and who they are in them."""

    user: int = PLATFORM_ID
    group: int = PLATFORM_ID
    mounts: Sequence[Mount] = ()
