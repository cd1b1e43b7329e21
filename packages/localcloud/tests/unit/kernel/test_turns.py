"""Turns: nobody waits for all that another asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from localcloud.kernel.turns import Turns


def run(scenario: Callable[[Turns, list[str], asyncio.Event], object], *callers: str) -> list[str]:
    """Return in which order callers got their turns, of whom none ends before all have asked."""
    order: list[str] = []

    async def work(turns: Turns, caller: str, go: asyncio.Event) -> None:
        async with turns.of(caller):
            order.append(caller)
            await go.wait()

    async def main() -> None:
        turns, go = Turns(2), asyncio.Event()
        tasks = [asyncio.create_task(work(turns, caller, go)) for caller in callers]
        for _ in range(10):
            await asyncio.sleep(0)
        scenario(turns, order, go)
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    return order


def test_who_asks_for_much_leaves_a_place_for_another() -> None:
    def at_once(_turns: Turns, order: list[str], _go: asyncio.Event) -> None:
        assert order == ["greedy", "other"]

    run(at_once, *["greedy"] * 6, "other")


def test_who_waits_comes_before_the_second_of_who_works() -> None:
    order = run(lambda *_: None, "a", "a", "a", "b", "b", "c")
    assert order[:3] == ["a", "b", "c"]


def test_a_caller_who_gives_up_leaves_its_turn() -> None:
    async def main() -> None:
        turns = Turns(1)
        with pytest.raises(RuntimeError):
            async with turns.of("a"):
                raise RuntimeError
        async with asyncio.timeout(1), turns.of("a"):
            pass

    asyncio.run(main())
