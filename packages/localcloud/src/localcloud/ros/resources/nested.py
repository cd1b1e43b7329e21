"""ALIYUN::ROS::Stack: a stack that is a resource of another one.

The physical id is the nested stack's id; Ref is its ARN. It is made with the rights of whoever changes the outer one, which also
decides when it goes back: by itself it does not.
Sources: ROS, "ALIYUN::ROS::Stack"; ros-cdk-ros 1.15.0. Its name, and that its tags are its own alone, are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from localcloud.ros.errors import ResourceError
from localcloud.ros.model import STACK_TYPE, Source, Stack, StackStatus
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING, TAGS
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import verb
from localcloud.ros.template.functions.arguments import to_text


class Children(Protocol):
    """The stacks, as their nested stacks are changed. Methods that fail raise `ApiError`."""

    def plan(self, context: Context) -> str:
        """Return the id of the next stack that a resource will be."""

    def find(self, stack_id: str) -> Stack | None:
        """Return a stack; None: there is none, or it is deleted."""

    async def template(self, context: Context, properties: Given) -> str:
        """Return the template at the URL, or with the id, that properties name."""

    async def create(self, context: Context, name: str, source: Source, properties: Given) -> Stack:
        """Create a stack with the planned id, and wait for it."""

    async def update(self, context: Context, stack_id: str, source: Source, properties: Given) -> Stack:
        """Update a stack, and wait for it; that nothing changes is fine."""

    async def delete(self, context: Context, stack_id: str) -> Stack:
        """Delete a stack, and wait for it."""


class NestedStack:
    """A stack in a stack."""

    name = STACK_TYPE
    returns: Sequence[str] = ("Outputs",)  # and Outputs.NAME of each of its outputs
    properties: Mapping[str, Property] = {
        "Parameters": Property(kind="map"),
        "ResourceGroupId": Property(kind="string", replaces=True),
        "Tags": TAGS,
        "TemplateBody": STRING,  # a map, kept from the functions of the outer stack's template
        "TemplateId": STRING,
        "TemplateURL": Property(kind="string", maximum=1024),
        "TemplateVersion": STRING,
        "TimeoutMins": Property(kind="number", minimum=1, maximum=1440),
    }

    def __init__(self, children: Children) -> None:
        self._children = children

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return self._children.plan(context)

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. Of any stack, as its id is not known before it is made (assumed); its resources ask for theirs."""
        yield Right(f"ros:{verb(before, after)}Stack", f"acs:ros:{context.region}:{context.account_id}:stack/*")

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._children.find(physical_id) is not None

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        name = re.sub(r"[^A-Za-z0-9_-]", "-", f"{context.stack_name[:120]}-{context.logical_id[:100]}")
        with reasons():
            source = await self._source(context, properties)
            stack = await self._children.create(context, name, source, properties)
        return _outcome(context, stack, StackStatus.CREATE_COMPLETE)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            source = await self._source(context, properties)
            stack = await self._children.update(context, physical_id, source, properties)
        return _outcome(context, stack, StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE)

    async def _source(self, context: Context, properties: Given) -> Source:
        text = properties.get("TemplateBody") or await self._children.template(context, properties)
        return Source(
            template=text, parameters={name: to_text(each) for name, each in properties.get("Parameters", {}).items()}
        )

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if self._children.find(physical_id):
                stack = await self._children.delete(context, physical_id)
                if stack.status is not StackStatus.DELETE_COMPLETE:
                    raise ResourceError(f"{stack.status} of {stack.name}: {stack.reason}")


def _outcome(context: Context, stack: Stack, *wanted: StackStatus) -> Outcome:
    if stack.status not in wanted:
        raise ResourceError(f"{stack.status} of {stack.name}: {stack.reason}", physical_id=stack.id)
    outputs = {f"Outputs.{name}": value for name, value in stack.outputs.items()}
    return Outcome(
        physical_id=stack.id,
        attributes={"Outputs": stack.outputs, **outputs},
        reference=f"arn:acs:ros::{context.region}:{context.account_id}:stacks/{stack.name}/{stack.id}",
    )
