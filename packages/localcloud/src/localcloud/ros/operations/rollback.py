"""The phase `rollback`: after a failure, what was created is deleted, and what was changed is changed back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from localcloud.ros.errors import ResourceError
from localcloud.ros.operations.deletion import DELETE_TIMEOUT
from localcloud.ros.operations.operation import Operation, OperationError
from localcloud.ros.operations.plan import Step, plan_rollback
from localcloud.ros.operations.provisioner import Provisioner, record_failure
from localcloud.ros.operations.walk import reversed_graph, walk


async def roll_back(operation: Operation, provisioner: Provisioner) -> None:
    """Bring a stack back to what it was before the operation began."""

    async def undo(name: str) -> None:
        await _undo(operation, provisioner, name)

    graph = reversed_graph({name: each.requires for name, each in operation.stack.resources.items()})
    try:
        async with asyncio.timeout(DELETE_TIMEOUT):
            await walk(graph, undo)
    except (OperationError, TimeoutError) as error:
        operation.fail(f"{operation.stack.reason}; and the rollback failed: {error or 'timed out'}")
        return
    stack = operation.stack
    if operation.kind == "ROLLBACK":  # of an update
        there = {each.physical_id for each in stack.resources.values()}
        stack = replace(
            stack,
            source=stack.previous or stack.source,
            previous=None,
            before={},
            retiring=tuple(each for each in stack.retiring if each.physical_id not in there),
        )
    operation.complete(stack, stack.reason)


async def _undo(operation: Operation, provisioner: Provisioner, name: str) -> None:
    """Bring one resource back to what it was; one that was not there is deleted.

    Raises:
        OperationError: it cannot be.
    """
    current, before = operation.stack.resources[name], operation.stack.before.get(name)
    step = plan_rollback(current, before)
    if step in {Step.DELETE, Step.RESTORE}:
        await provisioner.delete(operation, current)
        if before:
            operation.put(before)
    elif before:
        described = replace(current, requires=before.requires, retain=before.retain)
        if step is Step.UPDATE:
            try:
                await provisioner.update(operation, described, before.properties)
            except ResourceError as error:
                raise record_failure(operation, described, error) from error
        elif described != current:
            operation.put(described)
