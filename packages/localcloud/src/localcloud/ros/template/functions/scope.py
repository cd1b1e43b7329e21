"""The values that functions can see, and the two that no template can spell: unknown, and none at all.

In a preview a resource may not exist yet, and a template that is checked alone has no parameters: what depends on them is
`UNKNOWN`, and so is every function of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Literal, Protocol, TypeAlias


class Marker(Enum):
    """A value that is not one of JSON; there is one of each, in every process."""

    UNKNOWN = "(known after it is made)"
    NO_VALUE = "ALIYUN::NoValue"

    def __repr__(self) -> str:
        return self.value


UNKNOWN: Literal[Marker.UNKNOWN] = Marker.UNKNOWN
NO_VALUE = Marker.NO_VALUE
Truth: TypeAlias = bool | Literal[Marker.UNKNOWN]  # of a condition


class Resources(Protocol):
    """The resources that exist, as functions ask for them."""

    def reference(self, logical_id: str) -> object:
        """Return a resource's physical id."""

    def attribute(self, logical_id: str, name: str) -> object:
        """Return an attribute of a resource."""

    def stack_output(self, stack: str, key: str) -> object:
        """Return an output of another stack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The values that functions can see."""

    values: Mapping[str, object]  # of parameters and pseudo parameters
    mappings: Mapping[str, Mapping[str, Mapping[str, object]]]
    conditions: Mapping[str, Truth]  # whether they hold
    resources: Resources
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def holds_unknown(value: object) -> bool:
    """Return whether any part of a value is unknown."""
    if isinstance(value, Mapping):
        return any(holds_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(holds_unknown(each) for each in value)
    return value is UNKNOWN
