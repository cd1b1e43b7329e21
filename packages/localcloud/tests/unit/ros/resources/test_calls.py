"""Blocking resource types: nothing goes on behind the back of whoever gave up waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping

import pytest

from localcloud.oss.errors import OssError
from localcloud.ram.errors import RamError
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.provider import Context, Outcome, Property, Right

CONTEXT = Context(stack_id="s", stack_name="s", logical_id="l", type="t", region="r", account_id="1", timeout=1.0)


class Slow(BlockingType):
    """Makes its resource when it is told to."""

    name = "Test::Slow"
    properties: Mapping[str, Property] = {}

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.begun, self.go_on, self.made = threading.Event(), threading.Event(), False

    def plan_id(self, context: Context, properties: Given) -> str:
        return "slow"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        return ()

    def find(self, physical_id: str) -> bool:
        return self.made

    def make(self, context: Context, properties: Given) -> Outcome:
        self.begun.set()
        assert self.go_on.wait(10)
        if self.error:
            raise self.error
        self.made = True
        return Outcome(physical_id="slow", attributes={})

    def drop(self, physical_id: str, properties: Given) -> None:
        self.made = False


def test_a_creation_that_is_cancelled_ends_when_its_thread_has_ended() -> None:
    slow = Slow()

    async def cancel() -> None:
        creating = asyncio.create_task(slow.create(CONTEXT, {}))
        await asyncio.to_thread(slow.begun.wait)
        creating.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not creating.done()
        slow.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await creating
        assert slow.made

    asyncio.run(cancel())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OssError("BucketNotEmpty", "It holds objects."), "BucketNotEmpty: It holds objects."),
        (RamError("EntityNotExist.Role", "There is none."), "EntityNotExist.Role: There is none."),
    ],
)
def test_errors_of_services_become_reasons(error: Exception, expected: str) -> None:
    slow = Slow(error)
    slow.go_on.set()
    with pytest.raises(ResourceError) as caught:
        asyncio.run(slow.create(CONTEXT, {}))
    assert str(caught.value) == expected


def test_other_errors_are_no_reasons() -> None:
    slow = Slow(ZeroDivisionError())
    slow.go_on.set()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(slow.create(CONTEXT, {}))
