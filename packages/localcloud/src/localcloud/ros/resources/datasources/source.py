"""The base of data sources. A template names one like a resource, and reads its attributes.

Sources: ROS, the page of each data source; that the physical id is drawn is assumed.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.provider import Context, Outcome, Property, Right

STRING = Property(kind="string")
NEEDED = Property(kind="string", required=True)
REFRESH = {"RefreshOptions": Property(kind="string", choices=("Never", "Always"))}  # when the stack is updated


class DataSource(BlockingType):
    """A data source: what it tells is what there is when the resource is created, changes or is refreshed."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]

    @abstractmethod
    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """Return the rights that it needs to look."""

    @abstractmethod
    def read(self, context: Context, properties: Given) -> Given:
        """Return the attributes; may raise errors of services."""

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{context.stack_id}/{context.logical_id}"))

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        return () if after is None else self.rights_to_read(context, after)

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`: there is nothing that could be in the way, or be left."""
        return False

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        return Outcome(physical_id=self.plan_id(context, properties), attributes=self.read(context, properties))

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        return Outcome(physical_id=physical_id, attributes=self.read(context, properties))

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""


class Named(Protocol):
    """Something that a list tells of."""

    @property
    def name(self) -> str:
        """Its name."""


T = TypeVar("T", bound=Named)


class ListSource(DataSource):
    """A list of what there is. `returns` are its two attributes: the names, and the details."""

    def tell(self, found: Sequence[T], write: Callable[[T], Given]) -> Given:
        """Return the attributes.

        Args:
            found: what there is.
            write: returns the details of one.
        """
        names, details = self.returns
        return {names: [each.name for each in found], details: [write(each) for each in found]}


def is_like(properties: Given, name: str, value: str) -> bool:
    """Return True if a value is like a property, with `*` and `?`, or that is not given."""
    return wildcard_matches(properties.get(name) or "*", value)


def begins(properties: Given, value: str) -> bool:
    """Return True if a name begins with the property `Prefix`, or that is not given."""
    return value.startswith(properties.get("Prefix") or "")
