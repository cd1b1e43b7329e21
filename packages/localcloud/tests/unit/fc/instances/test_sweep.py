"""Work that is repeated whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from localcloud.fc.instances.sweep import repeat

Steps = Callable[[], Iterator[Callable[[], None]]]


def rounds(count: int, steps: Steps) -> None:
    """Do a number of rounds."""
    left = iter(range(count))
    done = asyncio.Event()

    def counted() -> Iterator[Callable[[], None]]:
        if next(left, None) is None:
            done.set()
        else:
            yield from steps()

    async def scenario() -> None:
        task = asyncio.create_task(repeat(0, counted))
        await asyncio.wait({task, asyncio.create_task(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), "it ended"
        task.cancel()

    asyncio.run(scenario())


def test_failing_step_keeps_no_other_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fails() -> None:
        raise OSError("no")

    def steps() -> Iterator[Callable[[], None]]:
        yield fails
        yield lambda: done.append("second")

    rounds(3, steps)
    assert done == ["second"] * 3
    assert len(caplog.records) == 1, "the same failure is told once"


def test_steps_that_cannot_be_told_do_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []

    def steps() -> Iterator[Callable[[], None]]:
        begun.append(1)
        if begun:
            raise RuntimeError("no steps")
        yield lambda: None

    rounds(3, steps)
    assert len(begun) == 3


def test_failure_that_comes_back_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    errors = iter([OSError("a"), OSError("a"), None, OSError("a"), OSError("b")])

    def step() -> None:
        if error := next(errors):
            raise error

    rounds(5, lambda: iter([step]))
    assert len(caplog.records) == 3
