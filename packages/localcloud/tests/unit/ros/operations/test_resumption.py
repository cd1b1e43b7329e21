"""Operations that outlive their process, and operations that no process survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from localcloud.ros.operations.requests import Request

Template = Callable[..., str]
MakeRequest = Callable[..., Request]


def test_an_operation_that_no_process_survives_is_given_up_with_a_reason(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def killed() -> None:
        stack = await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(make_template(A={"Hang": "delete"})))
        )
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)
        await cloud.things.hanging.wait()

    async def killed_again() -> None:
        cloud.things.hanging = asyncio.Event()
        cloud.start().open()
        await cloud.things.hanging.wait()

    async def last() -> None:
        cloud.things.log.clear()
        cloud.start().open()
        (stack,) = cloud.ros.stacks.all()
        assert (stack.status, stack.busy) == ("DELETE_FAILED", False)
        assert "3 processes of the embedded cloud ended while they worked on this operation" in stack.reason
        assert cloud.things.log == []
        cloud.things._act = _at_once
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)  # another operation is one's own
        assert (await cloud.settled(stack)).status == "DELETE_COMPLETE"

    asyncio.run(killed())
    asyncio.run(killed_again())
    asyncio.run(killed_again())
    asyncio.run(last())


async def _at_once(*_arguments: object) -> None:
    """Nothing hangs any more."""


def test_an_orderly_stop_does_not_count_against_an_operation(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def began() -> None:
        stack = await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(make_template(A={"Hang": "delete"})))
        )
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def stopped() -> None:
        cloud.things.hanging = asyncio.Event()
        cloud.start().open()
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    asyncio.run(began())
    for _ in range(4):
        asyncio.run(stopped())
