"""The phases `cleanup` and `delete`: resources go, each after those that need it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from localcloud.ros.operations.operation import Operation, OperationError
from localcloud.ros.operations.provisioner import Provisioner
from localcloud.ros.operations.walk import reversed_graph, walk

DELETE_TIMEOUT = 3600.0  # seconds for going back or deleting; assumed


async def clean_up(operation: Operation, provisioner: Provisioner) -> None:
    """Delete what was replaced or is no longer in the template; an operation that comes this far has succeeded."""
    try:
        async with asyncio.timeout(DELETE_TIMEOUT):
            await _delete_retired(operation, provisioner)
    except (OperationError, TimeoutError) as error:
        operation.fail(f"what is no longer needed cannot be deleted: {error or 'timed out'}")
    else:
        stack = replace(operation.stack, previous=None)
        operation.complete(stack, f"Stack {operation.kind} completed successfully")


async def delete(operation: Operation, provisioner: Provisioner) -> None:
    """Delete everything that a stack has."""

    async def delete_one(name: str) -> None:
        await provisioner.delete(operation, operation.stack.resources[name])

    graph = reversed_graph({name: each.requires for name, each in operation.stack.resources.items()})
    try:
        async with asyncio.timeout(DELETE_TIMEOUT):
            await _delete_retired(operation, provisioner)
            await walk(graph, delete_one)
    except (OperationError, TimeoutError) as error:
        operation.fail(str(error) or "timed out")
    else:
        operation.complete(replace(operation.stack, outputs={}), "Stack DELETE completed successfully")


async def _delete_retired(operation: Operation, provisioner: Provisioner) -> None:
    retiring = {str(number): each for number, each in enumerate(operation.stack.retiring)}
    numbers = {each.logical_id: number for number, each in retiring.items()}
    requires = {
        number: {numbers[name] for name in each.requires if name in numbers} for number, each in retiring.items()
    }

    async def delete_one(number: str) -> None:
        resource = retiring[number]
        await provisioner.delete(operation, resource)
        stack = operation.stack
        left = tuple(each for each in stack.retiring if each.physical_id != resource.physical_id)
        operation.save(replace(stack, retiring=left))

    await walk(reversed_graph(requires), delete_one)
