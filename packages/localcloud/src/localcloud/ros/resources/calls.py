"""Calls of resource types to the services of the embedded cloud: errors become reasons, and what blocks runs on a thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeAlias, TypeVar

from localcloud.kernel.errors import ApiError
from localcloud.kernel.threads import until_done
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.provider import Context, Outcome, Property, Right

Given: TypeAlias = Mapping[str, Any]  # properties after `check_properties`: their types are as declared
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@contextmanager
def reasons() -> Iterator[None]:
    """Turn the errors of services into reasons: `BucketNotEmpty: The bucket …`.

    Raises:
        ResourceError: instead of an error of a service.
    """
    try:
        yield
    except ApiError as error:
        raise ResourceError(str(error)) from error


async def _on_thread(
    function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> _Result:
    """Run what blocks; when cancelled, wait until it has ended, so that nothing changes behind the executor's back."""
    with reasons():
        return await until_done(asyncio.to_thread(function, *args, **kwargs))


class BlockingType(ABC):
    """A resource type whose service blocks: what subclasses do runs on a thread, and errors of services become reasons."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]

    @abstractmethod
    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""

    @abstractmethod
    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""

    @abstractmethod
    def find(self, physical_id: str) -> bool:
        """Return whether the resource exists; may raise errors of services."""

    @abstractmethod
    def make(self, context: Context, properties: Given) -> Outcome:
        """Create the resource, or nothing."""

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """Change the resource in place, or nothing. Types of which every property replaces need not say how."""
        raise NotImplementedError(f"no property of {self.name} changes in place")

    @abstractmethod
    def drop(self, physical_id: str, properties: Given) -> None:
        """Delete the resource if it is there."""

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return await _on_thread(self.find, physical_id)

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        return await _on_thread(self.make, context, properties)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        return await _on_thread(self.change, context, physical_id, properties, previous)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        await _on_thread(self.drop, physical_id, properties)
