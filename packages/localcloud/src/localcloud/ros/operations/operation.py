"""An operation on a stack: what it does to the stack is on disk before its next step."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from localcloud.ros.model import (
    RESOURCE_MOVES,
    STACK_TYPE,
    Event,
    Phase,
    Resource,
    ResourceStatus,
    Stack,
    StackStatus,
    move,
)
from localcloud.ros.store import RosStore

MAX_REASON = 4096  # characters that are kept of a reason, which may quote what a template spells out
CHANGED = "state changed"
MAX_EVENTS = 1000  # of a stack that are kept, the newest; each step writes them all (assumed; the largest stack makes 602 at once)


class OperationError(Exception):
    """An operation cannot go on; the text is the stack's status reason."""


class Operation:
    """A creation, update or deletion of one stack, for the caller who asked for it.

    The stack is always the present one, also after another operation cut this one short: whatever ends late is added to it.

    Args:
        stack: what the operation is of, with its caller.
        store: what is kept of the stacks.
        clock: seconds since the epoch.
    """

    def __init__(self, stack: Stack, *, store: RosStore, clock: Callable[[], float]) -> None:
        self._stack_id = stack.id
        self._store = store
        self._clock = clock
        self.caller = stack.caller

    @property
    def stack(self) -> Stack:
        """The stack as it is now."""
        return self._store.stacks[self._stack_id]

    @property
    def kind(self) -> str:
        """CREATE, UPDATE, DELETE, CREATE_ROLLBACK or ROLLBACK."""
        return self.stack.status.kind

    @property
    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._clock()

    def save(self, stack: Stack) -> None:
        """Keep the stack with something changed."""
        self._store.save(stack)

    # The stack

    def move(self, stack: Stack, phase: Phase, status: StackStatus, reason: str) -> None:
        """Bring the stack into another phase and status, and tell why by an event.

        Args:
            stack: the present one, with whatever else changes.
            phase: the next one.
            status: the next one.
            reason: for the user.

        Raises:
            IllegalMoveError: phase or status may not follow.
        """
        moved = stack.moved(phase, status)
        reason = reason[:MAX_REASON]
        updated = stack.updated if status.kind.startswith("CREATE") else self._later(stack)
        event = self._event(stack.name, stack.id, STACK_TYPE, status, reason)
        self.save(replace(moved, reason=reason, updated=updated, events=_with(stack.events, event)))

    def complete(self, stack: Stack, reason: str) -> None:
        """End the operation with success; the arguments are those of `move`."""
        self.move(stack, Phase.IDLE, stack.status.complete, reason)

    def fail(self, reason: str) -> None:
        """End the operation without success."""
        self.interrupt()
        self.move(self.stack, Phase.IDLE, self.stack.status.failed, reason)

    def turn_back(self, reason: str) -> None:
        """Begin to roll back an operation that has failed, or end it where that is disabled."""
        self.interrupt()
        if self.stack.disable_rollback:
            self.save(replace(self.stack, previous=None))
            self.fail(reason)
        elif self.kind == "CREATE":
            self.move(self.stack, Phase.ROLLBACK, StackStatus.CREATE_ROLLBACK_IN_PROGRESS, reason)
        else:
            self.move(self.stack, Phase.ROLLBACK, StackStatus.ROLLBACK_IN_PROGRESS, reason)

    def _later(self, stack: Stack) -> float:
        """Return now, or a second after the last update: clients wait for another UpdateTime, which has whole seconds."""
        return max(self._clock(), (stack.updated or 0) + 1)

    # Its resources

    def record(self, resource: Resource, status: ResourceStatus, reason: str = CHANGED) -> Resource:
        """Bring a resource into another status, tell why by an event, and return it as it is then.

        What was deleted is not the stack's any more; of a resource that another has replaced only the event tells.

        Raises:
            IllegalMoveError: the status may not follow.
        """
        stack, reason = self.stack, reason[:MAX_REASON]
        moved = move(RESOURCE_MOVES, resource.status, status)
        changed = replace(resource, status=moved, reason=reason, updated=self._clock())
        resources = dict(stack.resources)
        present = resources.get(resource.logical_id)
        if status.kind != "DELETE" or (present and present.physical_id == resource.physical_id):
            resources[resource.logical_id] = changed
            if status is ResourceStatus.DELETE_COMPLETE:
                del resources[resource.logical_id]
        event = self._event(resource.logical_id, resource.physical_id, resource.type, status, reason)
        self.save(replace(stack, resources=resources, events=_with(stack.events, event)))
        return changed

    def note(self, resource: Resource, status: ResourceStatus, reason: str) -> None:
        """Tell by an event alone what happened to a resource."""
        event = self._event(resource.logical_id, resource.physical_id, resource.type, status, reason)
        self.save(replace(self.stack, events=_with(self.stack.events, event)))

    def put(self, resource: Resource) -> None:
        """Keep a resource as it is now."""
        self.save(replace(self.stack, resources={**self.stack.resources, resource.logical_id: resource}))

    def retire(self, resource: Resource) -> None:
        """Keep a resource that was replaced, to be deleted once the update has succeeded."""
        self.save(replace(self.stack, retiring=(*self.stack.retiring, resource)))

    def interrupt(self) -> bool:
        """Fail what is in progress though nobody works on it any more; return whether anything was."""
        interrupted = [each for each in self.stack.resources.values() if each.status.is_in_progress]
        for resource in interrupted:
            self.record(resource, resource.status.failed, "interrupted before it was complete")
        return bool(interrupted)

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


def _with(events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
    return (*events, event)[-MAX_EVENTS:]
