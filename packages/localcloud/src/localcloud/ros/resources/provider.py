"""The interface of resource types, and their declarations of properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from localcloud.kernel.access import Caller
from localcloud.ros.model import NOBODY, Owner, Resource, Stack

Properties = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One property of a resource type ("Template syntax", "Resource type reference").

    Attributes:
        kind: `string`, `integer`, `number`, `boolean`, `map`, `list`, or `any`. As in ROS, "3" is an integer and `true` a string
            where one of them is asked for.
        required: it must be given.
        replaces: to change it, ROS makes a new resource; otherwise it changes in place.
        fields: of a map: what it may hold; empty: anything.
        items: of a list: what each item is; of a map without `fields`: what each value is; None: anything.
        choices: the values allowed; empty: any.
        minimum: the smallest number, or the shortest text or list.
        maximum: the largest number, or the longest text or list.
        supported: the values that the embedded cloud can act on; None: all. Others are refused as not implemented, except those
            that ask for nothing: empty and false ones.
        inherits: it holds tags, and gets those of the stack, too ("Tag propagation").
    """

    kind: str
    required: bool = False
    replaces: bool = False
    fields: Mapping[str, Property] = field(default_factory=dict)
    items: Property | None = None
    choices: tuple[object, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    supported: tuple[object, ...] | None = None
    inherits: bool = False


Declared = Mapping[str, Property]  # the properties of a resource type, by name


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """For whom a resource type works."""

    stack_id: str
    stack_name: str
    logical_id: str
    type: str  # as the template says it: Custom::Anything, too
    region: str
    account_id: str
    timeout: float  # seconds that are left of the operation
    caller: Caller = NOBODY  # of the operation
    going_back: bool = False  # the operation takes back an update that failed

    @classmethod
    def of(
        cls,
        resource: Resource,
        stack: Stack,
        owner: Owner,
        *,
        timeout: float,
        caller: Caller,
        going_back: bool = False,
    ) -> Context:
        """Return the context of a resource of a stack; see the attributes."""
        return cls(
            stack_id=stack.id,
            stack_name=stack.name,
            logical_id=resource.logical_id,
            type=resource.type,
            region=owner.region,
            account_id=owner.account_id,
            timeout=timeout,
            caller=caller,
            going_back=going_back,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A resource after it was created or updated."""

    physical_id: str
    attributes: Properties  # what Fn::GetAtt can ask for; empty, after an update: what it could before
    reference: str = ""  # what Ref is; empty: the physical id


@dataclass(frozen=True, slots=True)
class Right:
    """An action on a resource that somebody must be allowed."""

    action: str  # oss:PutBucket
    resource: str  # acs:oss:oss-REGION:ACCOUNT:BUCKET
    conditions: Mapping[str, str] = field(
        default_factory=dict
    )  # condition keys that the action has beside the request's


class ResourceType(Protocol):
    """One type of resource. Every method that fails raises `ResourceError` with a reason for the user, and changes nothing then.

    The executor changes a resource only for somebody who has the `rights` to do so by the services' own APIs; the other methods may
    rely on that.
    """

    name: str  # ALIYUN::OSS::Bucket
    properties: Mapping[str, Property]
    returns: Sequence[str]  # the names of the attributes that Fn::GetAtt can ask for

    def plan_id(self, context: Context, properties: Properties) -> str:
        """Return the physical id that `create` will give the resource, or begin with; it is recorded before `create` is called."""

    def rights(self, context: Context, before: Properties | None, after: Properties | None) -> Iterable[Right]:
        """Return the rights that a change needs; runs on a thread, for it may look at what is there.

        Args:
            context: for whom.
            before: the properties that the resource has; None: it is to be created.
            after: the properties that it is to have; None: it is to be deleted. One of the two is given.
        """

    async def exists(self, context: Context, physical_id: str) -> bool:
        """Return whether such a resource exists: one that the stack did not make is never taken over, nor deleted."""

    async def create(self, context: Context, properties: Properties) -> Outcome:
        """Create the resource.

        Args:
            context: for whom.
            properties: checked and converted by `check_properties`; what was not given is absent.
        """

    async def update(self, context: Context, physical_id: str, properties: Properties, previous: Properties) -> Outcome:
        """Change in place what differs from `previous`; no property that `replaces` is among it."""

    async def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the resource; one that does not exist is deleted already."""


def is_data_source(name: str) -> bool:
    """Return whether a resource type of this name makes nothing, and tells what there is."""
    return name.startswith("DATASOURCE::")


@runtime_checkable
class Detectable(Protocol):
    """A resource type that can say what a resource is now: its drift can be detected."""

    def rights_to_read(self, context: Context, physical_id: str) -> Iterable[Right]:
        """Return the rights that it needs to look."""

    def present(self, context: Context, physical_id: str, properties: Properties) -> Properties | None:
        """Return the properties that a resource has now, as far as they can be told; may raise errors of services, and block.

        Args:
            context: for whom.
            physical_id: of the resource.
            properties: those that it was given.

        Returns:
            None: it is gone.
        """
