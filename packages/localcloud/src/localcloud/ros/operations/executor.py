"""The executor: makes what exists equal to what a template says, and undoes what failed.

An operation on a stack has a phase, which is on disk before its work begins: `apply`, after which come `cleanup` or, after a
failure, `rollback`; or `delete`. Each phase is a function of the operation that ends by moving the stack to the next phase.

A process that was killed goes on from the phase that it finds: an interrupted `apply` counts as failed, the others are resumed. An
operation that process after process takes up and none survives is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from localcloud.ros.model import Phase, Stack, StackStatus
from localcloud.ros.operations.apply import apply
from localcloud.ros.operations.deletion import clean_up, delete
from localcloud.ros.operations.operation import Operation
from localcloud.ros.operations.provisioner import Provisioner
from localcloud.ros.operations.rollback import roll_back
from localcloud.ros.operations.templates import Templates
from localcloud.ros.store import RosStore

_LOG = logging.getLogger(__name__)
MAX_RESUMPTIONS = 2  # of one operation


class Executor:
    """Runs the operations of stacks, one at a time for each stack.

    Args:
        store: what is kept of the stacks; every step is saved there before the next.
        templates: resolves and evaluates the stacks' templates.
        provisioner: changes their resources.
        clock: seconds since the epoch.
    """

    def __init__(
        self, *, store: RosStore, templates: Templates, provisioner: Provisioner, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._phases: Mapping[Phase, Callable[[Operation], Awaitable[None]]] = {
            Phase.APPLY: lambda operation: apply(operation, templates, provisioner),
            Phase.CLEANUP: lambda operation: clean_up(operation, provisioner),
            Phase.ROLLBACK: lambda operation: roll_back(operation, provisioner),
            Phase.DELETE: lambda operation: delete(operation, provisioner),
        }

    def start(self, stack: Stack, phase: Phase, status: StackStatus) -> Stack:
        """Begin an operation; one that is going on for this stack is cut short first.

        Args:
            stack: as it is to be kept: with the new template, for example.
            phase: where to begin.
            status: the stack's status from now on.

        Returns:
            The stack.

        Raises:
            IllegalMoveError: the stack cannot have this operation now.
        """
        operation = Operation(stack, store=self._store, clock=self._clock)
        operation.move(replace(stack, resumptions=0), phase, status, f"Stack {status.kind} started")
        if running := self._tasks.get(stack.id):
            running.cancel()
        self._spawn(operation, running)
        return operation.stack

    def turn_back(self, stack: Stack, reason: str) -> None:
        """Cut the creation or update of a stack short and roll it back, or let it fail where that is disabled."""
        running = self._tasks[stack.id]
        running.cancel()
        operation = Operation(stack, store=self._store, clock=self._clock)
        operation.turn_back(reason)
        self._spawn(operation, running)

    async def wait(self, stack_id: str) -> None:
        """Wait until nothing goes on with a stack; what begins meanwhile is waited for, too."""
        while (task := self._tasks.get(stack_id)) and not task.done():
            await asyncio.wait([task])

    def resume(self) -> None:
        """Go on with what an earlier process was doing."""
        for stack in list(self._store.stacks.values()):
            if not stack.busy:
                continue
            operation = Operation(stack, store=self._store, clock=self._clock)
            if stack.resumptions >= MAX_RESUMPTIONS:
                ended = (
                    f"{stack.resumptions + 1} processes of the embedded cloud ended while they worked on this operation"
                )
                operation.fail(f"{ended}: it is not taken up again; update or delete the stack")
                continue
            operation.save(replace(stack, resumptions=stack.resumptions + 1))  # before the work, which may end us
            if operation.interrupt() and stack.phase is Phase.APPLY:
                operation.turn_back("the embedded cloud was stopped while it worked on this stack")
            self._spawn(operation, None)

    async def close(self) -> None:
        """Stop working; what is going on is resumed by the next process."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for stack in list(self._store.stacks.values()):
            if stack.busy and stack.resumptions:
                self._store.save(replace(stack, resumptions=0))  # it was not the work that ended this process

    def _spawn(self, operation: Operation, earlier: asyncio.Task[None] | None) -> None:
        task = asyncio.get_running_loop().create_task(self._run(operation, earlier))
        self._tasks[operation.stack.id] = task

    async def _run(self, operation: Operation, earlier: asyncio.Task[None] | None) -> None:
        if earlier:
            await asyncio.wait([earlier])
        operation.interrupt()
        try:
            while operation.stack.busy:
                await self._phases[operation.stack.phase](operation)
        except Exception:  # noqa: BLE001 - a stack must not stay in progress for ever; the log gets the traceback
            _LOG.exception("the operation on stack %s failed", operation.stack.id)
            operation.fail("the embedded cloud failed; its log has the traceback")
