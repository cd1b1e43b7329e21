"""Turns at what there is little of: one at a time for each caller, so that none of them waits for all that another asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """Lets callers work, so many of them at a time.

    A caller who asks for more queues behind itself: no more than one of each stands in the queue of all, which is served in order.

    Args:
        count: how many may work at a time.
    """

    def __init__(self, count: int) -> None:
        self._places = asyncio.Semaphore(count)
        self._callers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # of those who work or wait

    @asynccontextmanager
    async def of(self, caller: str) -> AsyncIterator[None]:
        """Wait for a caller's turn, which ends on leaving."""
        own = self._callers.setdefault(caller, asyncio.Lock())
        async with own, self._places:
            yield
