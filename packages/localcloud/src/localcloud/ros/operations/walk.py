"""Work along a dependency graph: each node after those it requires, independent ones in parallel."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from graphlib import TopologicalSorter


async def walk(requires: Mapping[str, Collection[str]], work: Callable[[str], Awaitable[None]]) -> None:
    """Run `work` for every node of a graph without cycles.

    One begins at a time, so that hundreds that may run together do not keep the event loop from all else while they do. The first
    failure cancels what still runs, and is raised once all of it has ended.

    Args:
        requires: for each node, the nodes that come before it.
        work: awaited for one node.
    """
    sorter = TopologicalSorter(requires)
    sorter.prepare()
    ready: deque[str] = deque()
    running: dict[asyncio.Task[None], str] = {}
    try:
        while sorter.is_active():
            ready += sorter.get_ready()
            if ready:
                name = ready.popleft()
                running[asyncio.ensure_future(_call(work, name))] = name
            timeout = 0 if ready else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = running.pop(task)
                task.result()
                sorter.done(name)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _call(work: Callable[[str], Awaitable[None]], name: str) -> None:
    await work(name)


def reversed_graph(requires: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Return the graph for going backwards: each node after those that require it. Unknown names are left out."""
    result: dict[str, set[str]] = {name: set() for name in requires}
    for name, earlier in requires.items():
        for each in earlier:
            if each in result:
                result[each].add(name)
    return result
