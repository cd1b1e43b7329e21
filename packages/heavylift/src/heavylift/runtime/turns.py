"""Turns at the processor: of the threads that have something to unpack, as many work at a time as there are cores.

All of them at once would each be slower, hold a block's content in memory the longer, and bring what is needed first no sooner
than what is needed last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush


class Turns:
    """Lets some threads work at a time; of those that wait, the one with the lowest number is next.

    Args:
        count: of threads that work at a time.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[int, int, threading.Event]] = []
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait for a turn, and have it for the block under it."""
        with self._lock:
            if self._free:
                self._free -= 1
                called = None
            else:
                called = threading.Event()
                heappush(self._waiting, (number, id(called), called))
        if called:
            called.wait()
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                heappop(self._waiting)[2].set()
            else:
                self._free += 1
