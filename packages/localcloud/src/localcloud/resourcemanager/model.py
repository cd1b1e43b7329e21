"""Resource groups. Values only; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WAIT = 7 * 24 * 3600.0  # seconds until a group that is deleted is gone; Resource Manager, "DeleteResourceGroup"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceGroup:
    """A resource group of the account."""

    id: str
    name: str
    display_name: str
    created: float
    deleted: float | None = None  # from when on it waits to be gone

    @property
    def status(self) -> str:
        """The status as the API has it."""
        return "OK" if self.deleted is None else "PendingDelete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """All groups but the default one, at one moment. A change makes a new value."""

    groups: Mapping[str, ResourceGroup] = field(default_factory=dict)  # by id, the oldest first
