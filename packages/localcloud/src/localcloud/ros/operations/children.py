"""Nested stacks: created, updated and deleted with the operation on the stack that they are resources of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, TypeAlias

from localcloud.ros.errors import RosError
from localcloud.ros.model import Phase, Source, Stack, StackStatus
from localcloud.ros.operations.requests import Request
from localcloud.ros.operations.sources import Sources
from localcloud.ros.operations.stacks import Stacks
from localcloud.ros.resources.declarations import tags_in
from localcloud.ros.resources.provider import Context

Given: TypeAlias = Mapping[str, Any]  # checked properties


class ChildStacks:
    """Implements `resources.nested.Children`; `bind` hands in what is made after the types of resources."""

    def bind(self, stacks: Stacks, sources: Sources) -> None:
        """Take the operations on stacks, and where their templates lie."""
        self._stacks = stacks
        self._sources = sources

    def plan(self, context: Context) -> str:
        """See `Children`. The same until that stack is made, so that one which a killed process began is found again."""
        mine = f"{context.stack_id}/{context.logical_id}"
        number = 0
        while (planned := str(uuid.uuid5(uuid.NAMESPACE_URL, f"{mine}/{number}"))) in self._stacks:
            number += 1
        return planned

    def find(self, stack_id: str) -> Stack | None:
        """See `Children`."""
        stack = self._stacks.get(stack_id) if stack_id in self._stacks else None
        return None if stack is None or stack.status is StackStatus.DELETE_COMPLETE else stack

    async def template(self, context: Context, properties: Given) -> str:
        """See `Children`."""
        if url := properties.get("TemplateURL"):
            return await self._sources.read(url, context.caller)
        if template_id := properties.get("TemplateId"):
            return self._sources.stored(template_id, properties.get("TemplateVersion", ""), context.caller)
        raise RosError("StackValidationFailed", "Give TemplateBody, TemplateURL or TemplateId.")

    async def create(self, context: Context, name: str, source: Source, properties: Given) -> Stack:
        """See `Children`."""
        stack_id = self.plan(context)
        name = f"{name}-{stack_id.replace('-', '')[:12]}"
        request = self._request(context, source, properties)
        await self._stacks.create_nested(stack_id, name, context.stack_id, request)
        return await self._stacks.settled(stack_id)

    async def update(self, context: Context, stack_id: str, source: Source, properties: Given) -> Stack:
        """See `Children`."""
        stack = self._stacks.get(stack_id)
        if stack.phase is Phase.APPLY:  # an outer operation was cut short, and this one goes back
            self._stacks.cancel(stack, stack.status.kind)
        await self._stacks.settled(stack_id)
        try:
            await self._stacks.update(stack_id, self._request(context, source, properties))
        except RosError as error:
            if error.code != "NotSupported":
                raise
        return await self._stacks.settled(stack_id)

    async def delete(self, context: Context, stack_id: str) -> Stack:
        """See `Children`."""
        self._stacks.delete(stack_id, context.caller)
        return await self._stacks.settled(stack_id)

    def _request(self, context: Context, source: Source, properties: Given) -> Request:
        outer = self._stacks.get(context.stack_id)
        return Request(
            source=source,
            caller=context.caller,
            timeout=int(properties.get("TimeoutMins", 60)),
            disable_rollback=True,  # when the outer stack goes back, so does this one
            replacement=outer.replacement,
            tags=tags_in(properties),
            resource_group=properties.get("ResourceGroupId", ""),
        )
