"""Create, update and delete the resources of a stack.

Everything is done with the rights of whoever asked for the operation: a change that they may not make by the service's own API is
refused before any of it is done. The physical id of a resource is recorded before it is made, unless something of that name exists
already: a resource that the stack did not make is never deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from localcloud.kernel.access import Caller, Denial, Gate
from localcloud.kernel.identity import Authorizer
from localcloud.ros.errors import RefusedError, ResourceError, RosError
from localcloud.ros.model import Owner, Resource, ResourceStatus, canonical_type
from localcloud.ros.operations.operation import CHANGED, MAX_REASON, Operation, OperationError
from localcloud.ros.resources.calls import reasons
from localcloud.ros.resources.provider import Context, Outcome, Properties, ResourceType

NOT_CREATED = {ResourceStatus.INIT_COMPLETE, ResourceStatus.CREATE_IN_PROGRESS, ResourceStatus.CREATE_FAILED}


class Provisioner:
    """Changes resources, one at a time.

    Args:
        types: the resource types by name.
        owner: whose resources they are.
        authorizer: decides what the callers of operations may do.
    """

    def __init__(self, types: Mapping[str, ResourceType], owner: Owner, authorizer: Authorizer) -> None:
        self._types = types
        self._owner = owner
        self._gate = Gate(authorizer, _refuse)

    def type_of(self, name: str) -> ResourceType:
        """Return the resource type that a template names."""
        return self._types[canonical_type(name)]

    async def create(self, operation: Operation, declared: Resource, wanted: Properties) -> None:
        """Create a resource.

        Args:
            operation: of which it is a part.
            declared: the resource, of which nothing is made yet.
            wanted: its properties, checked.

        Raises:
            ResourceError: it cannot be created.
        """
        kind, context = self.type_of(declared.type), self._context(operation, declared)
        await self._authorize(operation, context, None, wanted)
        planned = kind.plan_id(context, wanted)
        if await kind.exists(context, planned):
            planned = ""  # `create` will say so; there is nothing that would have to be deleted
        begun = operation.record(
            replace(declared, physical_id=planned, properties=wanted, created=operation.now),
            ResourceStatus.CREATE_IN_PROGRESS,
        )
        operation.record(_made(begun, await kind.create(context, wanted)), ResourceStatus.CREATE_COMPLETE)

    async def update(self, operation: Operation, current: Resource, wanted: Properties) -> None:
        """Change a resource in place.

        Raises:
            ResourceError: it cannot be changed.
        """
        kind, context = self.type_of(current.type), self._context(operation, current)
        await self._authorize(operation, context, current.properties, wanted)
        begun = operation.record(replace(current, properties=wanted), ResourceStatus.UPDATE_IN_PROGRESS)
        outcome = await kind.update(context, current.physical_id, wanted, current.properties)
        operation.record(_made(begun, outcome), ResourceStatus.UPDATE_COMPLETE)

    async def replace(self, operation: Operation, current: Resource, declared: Resource, wanted: Properties) -> None:
        """Create a resource in place of another, which is deleted once the operation has succeeded.

        Raises:
            ResourceError: it cannot be created, or may not be replaced.
        """
        if not operation.stack.replacement:
            changed = _changed(current, declared, wanted)
            raise ResourceError(
                f"the change of {changed} needs a new {declared.type}, and ReplacementOption is Disabled"
            )
        await self._authorize(operation, self._context(operation, declared), None, wanted)
        operation.retire(current)
        await self.create(operation, declared, wanted)

    async def delete(self, operation: Operation, resource: Resource) -> None:
        """Delete a resource, unless its policy or the request says that it stays.

        Raises:
            OperationError: it cannot be deleted.
        """
        retained = resource.retain or resource.logical_id in operation.stack.retained
        keep = retained and resource.status is not ResourceStatus.CREATE_FAILED
        if keep or not resource.physical_id:
            reason = "kept, as its DeletionPolicy says" if keep else CHANGED
            operation.record(resource, ResourceStatus.DELETE_COMPLETE, reason)
            return
        begun = operation.record(resource, ResourceStatus.DELETE_IN_PROGRESS)
        context = self._context(operation, resource)
        try:
            await self._authorize(operation, context, resource.properties, None)
            await self.type_of(resource.type).delete(context, resource.physical_id, resource.properties)
        except ResourceError as error:
            operation.record(begun, ResourceStatus.DELETE_FAILED, str(error))
            raise OperationError(f"Resource DELETE failed: resources.{resource.logical_id}: {error}") from error
        operation.record(begun, ResourceStatus.DELETE_COMPLETE)

    async def _authorize(
        self, operation: Operation, context: Context, before: Properties | None, after: Properties | None
    ) -> None:
        """Refuse a change for which the operation's caller has not the rights.

        Raises:
            RefusedError: naming the action, the resource and the principal.
        """
        await asyncio.to_thread(self._require, operation.caller, context, before, after)

    def _require(self, caller: Caller, context: Context, before: Properties | None, after: Properties | None) -> None:
        with reasons():
            for right in self.type_of(context.type).rights(context, before, after):
                self._gate.require(caller, right.action, right.resource, right.conditions)

    def _context(self, operation: Operation, resource: Resource) -> Context:
        stack = operation.stack
        return Context.of(
            resource,
            stack,
            self._owner,
            timeout=stack.timeout * 60.0,
            caller=operation.caller,
            going_back=operation.kind == "ROLLBACK",
        )


def record_failure(operation: Operation, declared: Resource, error: ResourceError | RosError) -> OperationError:
    """Record that a resource could not be created or updated; return the error that ends the operation.

    Args:
        operation: of which it is a part.
        declared: the resource, in case that nothing of it was recorded yet.
        error: says what a failed creation left; otherwise what was being created is not there.
    """
    reason = (error.message if isinstance(error, RosError) else str(error))[:MAX_REASON]
    resource = operation.stack.resources.get(declared.logical_id, declared)
    status = ResourceStatus.UPDATE_FAILED
    if isinstance(error, RefusedError) and resource.physical_id:  # it is as it was: there is nothing to take back
        operation.note(resource, status, reason)
    else:
        if resource.status in NOT_CREATED:
            status = ResourceStatus.CREATE_FAILED
            left = error.physical_id if isinstance(error, ResourceError) else ""
            resource = replace(resource, physical_id=left)
        operation.record(resource, status, reason)
    return OperationError(f"Resource {status.kind} failed: resources.{resource.logical_id}: {reason}")


def _refuse(denial: Denial) -> RefusedError:
    return RefusedError(
        f"Forbidden.RAM: the policies of {denial.caller.principal} do not allow {denial.action} on {denial.resource}"
    )


def _made(resource: Resource, outcome: Outcome) -> Resource:
    return replace(
        resource,
        physical_id=outcome.physical_id,
        attributes=outcome.attributes or resource.attributes,
        reference=outcome.reference,
    )


def _changed(current: Resource, declared: Resource, wanted: Properties) -> str:
    """Return the names of the properties for which a resource has to be replaced, among others."""
    if current.type != declared.type:
        return f"the type {current.type}"
    names = sorted({*current.properties, *wanted})
    return ", ".join(name for name in names if current.properties.get(name) != wanted.get(name))
