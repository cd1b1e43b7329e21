"""The engine: makes what exists equal to what a template says, and undoes what failed.

An operation on a stack has a phase, which is on disk before its work begins:

- `apply`: each resource of the template is created, updated or replaced, after those that it needs, independent ones in parallel;
- `cleanup`: what was replaced or is no longer in the template is deleted; an update that comes this far has succeeded;
- `rollback`: after a failure, what was created is deleted, and what was changed is changed back;
- `delete`: everything is deleted, what needs others before them.

A process that was killed goes on from the phase that it finds: an interrupted `apply` counts as failed, the others are resumed. For
that, the physical id of a resource is recorded before it is made, unless something of that name exists already: a resource that the
stack did not make is never deleted. An operation that process after process takes up and none survives is given up.

Everything is done with the rights of whoever asked for the operation, which the stack keeps: a change that its caller may not make
by the service's own API is refused before any of it is done.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from localcloud.kernel.identity import Authorizer
from localcloud.ros.errors import RefusedError, ResourceError, RosError, TemplateError
from localcloud.ros.model import STACK_TYPE, Caller, Event, Resource, Stack
from localcloud.ros.operations.walk import reversed_graph, walk
from localcloud.ros.resources.calls import reasons
from localcloud.ros.resources.provider import Context, Outcome, Properties, ResourceType, Right, canonical_type
from localcloud.ros.resources.schema import check_properties, needs_replacement
from localcloud.ros.store import RosStore
from localcloud.ros.template.bounds import MAX_TEXT
from localcloud.ros.template.evaluation import Evaluate
from localcloud.ros.template.known import Known, Made
from localcloud.ros.template.resolved import Blueprint

_LOG = logging.getLogger(__name__)
DELETE_TIMEOUT = 3600.0  # seconds for going back or deleting; assumed
MAX_RESUMPTIONS = 2  # of one operation
MAX_REASON = 4096  # characters that are kept of a reason, which may quote what a template spells out
CHANGED = "state changed"


class _OperationError(Exception):
    """An operation cannot go on; the text is the stack's status reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """For whom the engine works."""

    region: str
    account_id: str


class Engine:
    """Runs the operations of stacks.

    Args:
        types: the resource types by name.
        store: what is kept of the stacks; every step is saved there before the next.
        account: for whom.
        authorizer: decides what the callers of operations may do.
        clock: seconds since the epoch.
        blueprint: reads a stack's template and parameters.
        evaluate: evaluates what a blueprint says.
    """

    def __init__(
        self,
        *,
        types: Mapping[str, ResourceType],
        store: RosStore,
        account: Account,
        authorizer: Authorizer,
        clock: Callable[[], float],
        blueprint: Callable[[Stack], Awaitable[Blueprint]],
        evaluate: Evaluate,
    ) -> None:
        self._types = types
        self._store = store
        self._account = account
        self._authorizer = authorizer
        self._clock = clock
        self._blueprint = blueprint
        self._evaluate = evaluate
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # Operations

    def start(self, stack: Stack, phase: str, status: str) -> None:
        """Begin an operation; one that is going on for this stack is cut short first.

        Args:
            stack: as it is to be kept: with the new template, for example.
            phase: where to begin.
            status: the stack's status from now on.
        """
        if running := self._tasks.pop(stack.id, None):
            running.cancel()
        self._save_status(replace(stack, phase=phase, resumptions=0), status, f"Stack {status.split('_')[0]} started")
        self._spawn(stack.id, running)

    def resume(self) -> None:
        """Go on with what an earlier process was doing."""
        for stack in list(self._store.stacks.values()):
            if stack.busy and stack.resumptions >= MAX_RESUMPTIONS:
                ended = (
                    f"{stack.resumptions + 1} processes of the embedded cloud ended while they worked on this operation"
                )
                self._give_up(stack.id, f"{ended}: it is not taken up again; update or delete the stack")
            elif stack.busy:
                self._store.save(replace(stack, resumptions=stack.resumptions + 1))  # before the work, which may end us
                self._spawn(stack.id, None)

    async def close(self) -> None:
        """Stop working; what is going on is resumed by the next process."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for stack in list(self._store.stacks.values()):
            if stack.busy and stack.resumptions:
                self._store.save(replace(stack, resumptions=0))  # it was not the work that ended this process

    def _spawn(self, stack_id: str, earlier: asyncio.Task[None] | None) -> None:
        task = asyncio.get_running_loop().create_task(self._run(stack_id, earlier))
        self._tasks[stack_id] = task

    async def _run(self, stack_id: str, earlier: asyncio.Task[None] | None) -> None:
        if earlier:
            await asyncio.wait([earlier])
        if self._mark_interrupted(stack_id) and self._store.stacks[stack_id].phase == "apply":
            self._fail(stack_id, "the embedded cloud was stopped while it worked on this stack")
        phases = {"apply": self._apply, "cleanup": self._cleanup, "rollback": self._roll_back, "delete": self._delete}
        try:
            while phase := self._store.stacks[stack_id].phase:
                await phases[phase](stack_id)
        except Exception:  # noqa: BLE001 - a stack must not stay in progress for ever; the log gets the traceback
            _LOG.exception("the operation on stack %s failed", stack_id)
            self._give_up(stack_id, "the embedded cloud failed; its log has the traceback")

    def _give_up(self, stack_id: str, reason: str) -> None:
        stack = self._store.stacks[stack_id]
        self._save_status(replace(stack, phase=""), f"{stack.operation}_FAILED", reason)

    def _mark_interrupted(self, stack_id: str) -> bool:
        """Fail what was in progress when an earlier process or operation ended; return whether anything was."""
        resources = self._store.stacks[stack_id].resources.values()
        interrupted = [each for each in resources if each.status.endswith("_IN_PROGRESS")]
        for resource in interrupted:
            status = resource.status.replace("_IN_PROGRESS", "_FAILED")
            self._save_resource(stack_id, resource, status, "interrupted before it was complete")
        return bool(interrupted)

    # Apply

    async def _apply(self, stack_id: str) -> None:
        stack = self._store.stacks[stack_id]
        try:
            blueprint = await self._blueprint(stack)
            async with asyncio.timeout(stack.timeout * 60):
                sizes: dict[str, int] = {}
                await walk(blueprint.requires, lambda name: self._ensure(stack_id, blueprint, name, sizes))
            outputs = await self._evaluate(blueprint.outputs, self.known(stack_id, stack.caller))
        except (_OperationError, RosError) as error:
            self._fail(stack_id, error.message if isinstance(error, RosError) else str(error))
        except TimeoutError:
            self._fail(stack_id, f"Stack {stack.operation} timed out after {stack.timeout} minutes")
        else:
            stack = self._store.stacks[stack_id]
            dropped = [each for name, each in stack.resources.items() if name not in blueprint.requires]
            kept = {name: each for name, each in stack.resources.items() if name in blueprint.requires}
            retiring = (*stack.retiring, *dropped)
            self._store.save(
                replace(stack, phase="cleanup", outputs=outputs, resources=kept, retiring=retiring, before={})
            )

    def _fail(self, stack_id: str, reason: str) -> None:
        stack = self._store.stacks[stack_id]
        if stack.disable_rollback:
            self._save_status(replace(stack, phase="", previous=None), f"{stack.operation}_FAILED", reason)
            return
        rolling = "CREATE_ROLLBACK_IN_PROGRESS" if stack.operation == "CREATE" else "ROLLBACK_IN_PROGRESS"
        self._save_status(replace(stack, phase="rollback"), rolling, reason)

    async def _ensure(self, stack_id: str, blueprint: Blueprint, name: str, sizes: dict[str, int]) -> None:
        """Make one resource what the template says; `sizes` are those of the properties evaluated so far, in bytes."""
        stack = self._store.stacks[stack_id]
        declaration = blueprint.template.resources[name]
        kind = self._types[canonical_type(declaration.type)]
        now = self._clock()
        current = stack.resources.get(name)
        target = replace(
            current or Resource(logical_id=name, type=declaration.type, status="", created=now, updated=now),
            requires=tuple(sorted(blueprint.requires[name])),
            retain=declaration.deletion_policy == "Retain",
        )
        try:
            known = self.known(stack_id, stack.caller)
            wanted = check_properties(kind.properties, await self._evaluate(blueprint.properties, name, known))
            sizes[name] = len(json.dumps(wanted))
            _check_sizes(sizes)
            if current and current.physical_id and current.status == "CREATE_FAILED":
                await self._destroy(stack_id, current)
                await self._create(stack_id, kind, target, wanted)
            elif current is None or not current.physical_id:
                await self._create(stack_id, kind, replace(target, type=declaration.type), wanted)
            elif current.type != declaration.type or needs_replacement(kind.properties, current.properties, wanted):
                await self._replace(stack_id, kind, replace(target, type=declaration.type), current, wanted)
            elif current.properties != wanted or current.status.endswith("_FAILED"):
                await self._update(stack_id, kind, target, wanted)
            elif target != current:
                stack = self._store.stacks[stack_id]
                self._store.save(replace(stack, resources={**stack.resources, name: target}))
        except (ResourceError, RosError) as error:
            raise self._failed(stack_id, target, error) from error

    def _failed(self, stack_id: str, target: Resource, error: ResourceError | RosError) -> _OperationError:
        """Record that a resource failed. What was being created is not there, unless the error says what it left."""
        reason = (error.message if isinstance(error, RosError) else str(error))[:MAX_REASON]
        stack = self._store.stacks[stack_id]
        resource = stack.resources.get(target.logical_id, target)
        if isinstance(error, RefusedError) and resource.physical_id:  # it is as it was: there is nothing to take back
            event = self._event(resource.logical_id, resource.physical_id, resource.type, "UPDATE_FAILED", reason)
            self._store.save(replace(stack, events=(*stack.events, event)))
            return _OperationError(f"Resource UPDATE failed: resources.{resource.logical_id}: {reason}")
        action = "UPDATE"
        if resource.status in {"", "CREATE_IN_PROGRESS", "CREATE_FAILED"}:
            action = "CREATE"
            left = error.physical_id if isinstance(error, ResourceError) else ""
            resource = replace(resource, physical_id=left)
        self._save_resource(stack_id, resource, f"{action}_FAILED", reason)
        return _OperationError(f"Resource {action} failed: resources.{resource.logical_id}: {reason}")

    async def _create(self, stack_id: str, kind: ResourceType, target: Resource, wanted: Properties) -> None:
        context = self._context(stack_id, target)
        await self._authorize(context, kind, None, wanted)
        planned = kind.plan_id(context, wanted)
        if await kind.exists(context, planned):
            planned = ""  # `create` will say so; there is nothing that would have to be deleted
        began = replace(target, physical_id=planned, properties=wanted, created=self._clock())
        self._save_resource(stack_id, began, "CREATE_IN_PROGRESS", CHANGED)
        outcome = await kind.create(context, wanted)
        self._save_outcome(stack_id, began, outcome, "CREATE_COMPLETE")

    async def _update(self, stack_id: str, kind: ResourceType, target: Resource, wanted: Properties) -> None:
        context = self._context(stack_id, target)
        await self._authorize(context, kind, target.properties, wanted)
        began = replace(target, properties=wanted)
        self._save_resource(stack_id, began, "UPDATE_IN_PROGRESS", CHANGED)
        outcome = await kind.update(context, target.physical_id, wanted, target.properties)
        if outcome.physical_id != target.physical_id:  # a custom resource may answer so: the old one is deleted later
            stack = self._store.stacks[stack_id]
            self._store.save(replace(stack, retiring=(*stack.retiring, target)))
        self._save_outcome(stack_id, began, outcome, "UPDATE_COMPLETE")

    async def _replace(
        self, stack_id: str, kind: ResourceType, target: Resource, current: Resource, wanted: Properties
    ) -> None:
        stack = self._store.stacks[stack_id]
        if not stack.replacement:
            raise ResourceError(
                f"the change of {_names(current, target, wanted)} needs a new {target.type}, and ReplacementOption is Disabled"
            )
        await self._authorize(self._context(stack_id, target), kind, None, wanted)
        stack = self._store.stacks[stack_id]
        self._store.save(replace(stack, retiring=(*stack.retiring, current)))
        await self._create(stack_id, kind, replace(target, physical_id="", attributes={}), wanted)

    # Going back

    async def _roll_back(self, stack_id: str) -> None:
        stack = self._store.stacks[stack_id]
        creating = stack.status.startswith("CREATE")
        graph = reversed_graph({name: each.requires for name, each in stack.resources.items()})
        try:
            async with asyncio.timeout(DELETE_TIMEOUT):
                await walk(graph, lambda name: self._undo(stack_id, name))
        except (_OperationError, TimeoutError) as error:
            reason = f"{stack.reason}; and the rollback failed: {error or 'timed out'}"
            status = "CREATE_ROLLBACK_FAILED" if creating else "ROLLBACK_FAILED"
            self._save_status(replace(self._store.stacks[stack_id], phase=""), status, reason)
            return
        stack = self._store.stacks[stack_id]
        if creating:
            self._save_status(replace(stack, phase=""), "CREATE_ROLLBACK_COMPLETE", stack.reason)
            return
        source = stack.previous or stack.source
        restored_ids = {each.physical_id for each in stack.resources.values()}
        retiring = tuple(each for each in stack.retiring if each.physical_id not in restored_ids)
        restored = replace(stack, phase="", source=source, previous=None, before={}, retiring=retiring)
        self._save_status(restored, "ROLLBACK_COMPLETE", stack.reason)

    async def _undo(self, stack_id: str, name: str) -> None:
        """Bring one resource back to what it was before the update began; one that was not there is deleted."""
        stack = self._store.stacks[stack_id]
        current, before = stack.resources[name], stack.before.get(name)
        if before is None or before.physical_id != current.physical_id:
            await self._destroy(stack_id, current)
            if before:
                stack = self._store.stacks[stack_id]
                self._store.save(replace(stack, resources={**stack.resources, name: before}))
        elif before.properties != current.properties or current.status.endswith("_FAILED"):
            try:
                await self._update(stack_id, self._types[canonical_type(current.type)], current, before.properties)
            except ResourceError as error:
                raise self._failed(stack_id, current, error) from error

    # Deleting

    async def _cleanup(self, stack_id: str) -> None:
        stack = self._store.stacks[stack_id]
        operation = stack.operation
        try:
            async with asyncio.timeout(DELETE_TIMEOUT):
                await self._retire(stack_id)
        except (_OperationError, TimeoutError) as error:
            reason = f"what is no longer needed cannot be deleted: {error or 'timed out'}"
            self._save_status(replace(self._store.stacks[stack_id], phase=""), f"{operation}_FAILED", reason)
            return
        stack = replace(self._store.stacks[stack_id], phase="", previous=None)
        self._save_status(stack, f"{operation}_COMPLETE", f"Stack {operation} completed successfully")

    async def _retire(self, stack_id: str) -> None:
        retiring = {str(number): each for number, each in enumerate(self._store.stacks[stack_id].retiring)}
        numbers = {each.logical_id: number for number, each in retiring.items()}
        requires = {
            number: {numbers[name] for name in each.requires if name in numbers} for number, each in retiring.items()
        }

        async def destroy(number: str) -> None:
            resource = retiring[number]
            await self._destroy(stack_id, resource)
            stack = self._store.stacks[stack_id]
            left = tuple(each for each in stack.retiring if each.physical_id != resource.physical_id)
            self._store.save(replace(stack, retiring=left))

        await walk(reversed_graph(requires), destroy)

    async def _delete(self, stack_id: str) -> None:
        stack = self._store.stacks[stack_id]
        graph = reversed_graph({name: each.requires for name, each in stack.resources.items()})
        try:
            async with asyncio.timeout(DELETE_TIMEOUT):
                await self._retire(stack_id)
                await walk(graph, lambda name: self._destroy(stack_id, self._store.stacks[stack_id].resources[name]))
        except (_OperationError, TimeoutError) as error:
            reason = str(error) or "timed out"
            self._save_status(replace(self._store.stacks[stack_id], phase=""), "DELETE_FAILED", reason)
            return
        stack = replace(self._store.stacks[stack_id], phase="", outputs={})
        self._save_status(stack, "DELETE_COMPLETE", "Stack DELETE completed successfully")

    async def _destroy(self, stack_id: str, resource: Resource) -> None:
        """Delete a resource, unless its policy or the request says that it stays."""
        retained = resource.logical_id in self._store.stacks[stack_id].retained
        keep = (resource.retain or retained) and not resource.status.startswith("CREATE_FAILED")
        if resource.physical_id and not keep:
            self._save_resource(stack_id, resource, "DELETE_IN_PROGRESS", CHANGED)
            context, kind = self._context(stack_id, resource), self._types[canonical_type(resource.type)]
            try:
                await self._authorize(context, kind, resource.properties, None)
                await kind.delete(context, resource.physical_id, resource.properties)
            except ResourceError as error:
                self._save_resource(stack_id, resource, "DELETE_FAILED", str(error))
                raise _OperationError(f"Resource DELETE failed: resources.{resource.logical_id}: {error}") from error
        self._save_resource(
            stack_id, resource, "DELETE_COMPLETE", "kept, as its DeletionPolicy says" if keep else CHANGED
        )
        stack = self._store.stacks[stack_id]
        if _same(stack.resources.get(resource.logical_id), resource):
            left = {name: each for name, each in stack.resources.items() if name != resource.logical_id}
            self._store.save(replace(stack, resources=left))

    # What may be done

    async def _authorize(
        self, context: Context, kind: ResourceType, before: Properties | None, after: Properties | None
    ) -> None:
        """Refuse a change for which the operation's caller has not the rights.

        Raises:
            RefusedError: naming the action, the resource and the principal.
        """
        caller = self._store.stacks[context.stack_id].caller
        if refused := await asyncio.to_thread(self._refused, caller, context, kind, before, after):
            principal = caller.identity.role_arn or f"acs:ram::{caller.identity.account_id}:root"
            raise RefusedError(
                f"Forbidden.RAM: the policies of {principal} do not allow {refused.action} on {refused.resource}"
            )

    def _refused(
        self,
        caller: Caller,
        context: Context,
        kind: ResourceType,
        before: Properties | None,
        after: Properties | None,
    ) -> Right | None:
        """Return the first right that a change needs and its caller has not."""
        with reasons():
            for right in kind.rights(context, before, after):
                conditions = {**caller.conditions, **right.conditions}
                if not self._authorizer.is_allowed(
                    caller.identity, action=right.action, resource=right.resource, conditions=conditions
                ):
                    return right
        return None

    # What is known

    def _context(self, stack_id: str, resource: Resource) -> Context:
        stack = self._store.stacks[stack_id]
        return Context(
            stack_id=stack.id,
            stack_name=stack.name,
            logical_id=resource.logical_id,
            type=resource.type,
            region=self._account.region,
            account_id=self._account.account_id,
            timeout=stack.timeout * 60.0,
        )

    def known(self, stack_id: str, caller: Caller) -> Known:
        """Return what functions of a template can ask for: its stack's resources, and outputs of stacks that the caller may see."""
        stack = self._store.stacks.get(stack_id)
        resources = stack.resources if stack else {}
        outputs: dict[str, Mapping[str, object]] = {}
        for other in self._store.stacks.values():
            if other.outputs and other.status != "DELETE_COMPLETE" and self._may_see(caller, other):
                outputs[other.id] = outputs[other.name] = other.outputs
        made = {
            name: Made(type=each.type, physical_id=each.physical_id, attributes=each.attributes)
            for name, each in resources.items()
        }
        return Known(resources=made, outputs=outputs)

    def _may_see(self, caller: Caller, stack: Stack) -> bool:
        resource = f"acs:ros:{self._account.region}:{self._account.account_id}:stack/{stack.id}"
        return self._authorizer.is_allowed(
            caller.identity, action="ros:GetStack", resource=resource, conditions=caller.conditions
        )

    def _save_outcome(self, stack_id: str, resource: Resource, outcome: Outcome, status: str) -> None:
        made = replace(resource, physical_id=outcome.physical_id, attributes=outcome.attributes)
        self._save_resource(stack_id, made, status, CHANGED)

    def _save_resource(self, stack_id: str, resource: Resource, status: str, reason: str) -> None:
        stack, reason = self._store.stacks[stack_id], reason[:MAX_REASON]
        changed = replace(resource, status=status, reason=reason, updated=self._clock())
        event = self._event(resource.logical_id, resource.physical_id, resource.type, status, reason)
        resources = stack.resources
        if _same(resources.get(resource.logical_id), resource) or not status.startswith("DELETE"):
            resources = {**resources, resource.logical_id: changed}
        self._store.save(replace(stack, resources=resources, events=(*stack.events, event)))

    def _save_status(self, stack: Stack, status: str, reason: str) -> None:
        reason = reason[:MAX_REASON]
        event = self._event(stack.name, stack.id, STACK_TYPE, status, reason)
        updated = stack.updated if status.startswith("CREATE") else self._later(stack)
        self._store.save(replace(stack, status=status, reason=reason, updated=updated, events=(*stack.events, event)))

    def _later(self, stack: Stack) -> float:
        """Return now, or a second after the last update: clients wait for another UpdateTime, which has whole seconds."""
        return max(self._clock(), (stack.updated or 0) + 1)

    def _event(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str) -> Event:
        return Event(
            event_id=str(uuid.uuid4()),
            logical_id=logical_id,
            physical_id=physical_id,
            type=kind,
            status=status,
            reason=reason,
            created=self._clock(),
        )


def _check_sizes(sizes: Mapping[str, int]) -> None:
    """Refuse properties that are too large together: the stack is written at each of its steps."""
    if (size := sum(sizes.values())) > MAX_TEXT:
        raise TemplateError(
            f"the properties of the stack's resources have {size:,} bytes once their functions are evaluated, at most {MAX_TEXT:,} "
            "are allowed"
        )


def _same(one: Resource | None, other: Resource) -> bool:
    return one is not None and one.physical_id == other.physical_id


def _names(current: Resource, target: Resource, wanted: Properties) -> str:
    if current.type != target.type:
        return f"the type {current.type}"
    names = sorted({*current.properties, *wanted})
    return ", ".join(name for name in names if current.properties.get(name) != wanted.get(name))
