from __future__ import annotations

import asyncio
import itertools

import pytest

from localcloud.ros.operations.walk import reversed_graph, walk


def test_what_is_required_comes_first_and_the_rest_runs_together() -> None:
    log: list[str] = []
    both = asyncio.Barrier(2)  # b and c pass it only if they run at the same time

    async def work(name: str) -> None:
        log.append(f"{name} began")
        if name in "bc":
            await both.wait()
        log.append(f"{name} ended")

    asyncio.run(walk({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, work))
    assert log[:2] == ["a began", "a ended"]
    assert log[-2:] == ["d began", "d ended"]


def test_hundreds_that_may_run_together_do_not_keep_the_event_loop_from_all_else() -> None:
    begun: list[str] = []
    seen: list[int] = []  # how many had begun, each time that something else got its turn

    async def work(name: str) -> None:
        begun.append(name)

    async def else_() -> None:
        while len(begun) < 300:
            seen.append(len(begun))
            await asyncio.sleep(0)
        seen.append(len(begun))

    async def both() -> None:
        await asyncio.gather(else_(), walk({str(number): [] for number in range(300)}, work))

    asyncio.run(both())
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= 1


def test_the_first_failure_cancels_what_runs_and_starts_nothing_more() -> None:
    log: list[str] = []

    async def work(name: str) -> None:
        if name == "bad":
            await asyncio.sleep(0)
            raise ValueError("bad")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")
            raise

    with pytest.raises(ValueError, match="bad"):
        asyncio.run(walk({"slow": [], "bad": [], "later": ["bad"]}, work))
    assert log == ["slow cancelled"]


def test_a_graph_is_turned_round() -> None:
    assert reversed_graph({"a": [], "b": ["a"], "c": ["a", "b", "elsewhere"]}) == {
        "a": {"b", "c"},
        "b": {"c"},
        "c": set(),
    }
