"""The places of connections: no more are accepted than the limit of descriptors leaves room for, whoever accepts them.

All listeners of a process share its places, of which some may have a part only. What else holds descriptors for long, an instance
of a function, takes places too.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

SPARE = 32  # descriptors for what is no connection: further listeners, databases, files that are read and written
LEAST = 2  # places of a part: a client copies from one connection to another


class Places:
    """The number of connections that there may be at once; a place stands for two descriptors.

    Args:
        count: of them.
        whole: the places that these are a part of; None: they are no part.
    """

    def __init__(self, count: int, *, whole: Places | None = None) -> None:
        self._count = self._free = count
        self._whole = whole
        self._waiting: list[Callable[[], None]] = []

    @classmethod
    def of_process(cls) -> Places:
        """Return as many as this process's limit of descriptors leaves room for: a socket and a file for each."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = 2**20
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
        return cls(max((limit - used - SPARE) // 2, 4))

    def part(self, share: float) -> Places:
        """Return the places for some of the connections, which take no more than that share of these."""
        return Places(max(int(self._count * share), LEAST), whole=self)

    @property
    def scarce(self) -> bool:
        """Return True if less than half of them, or of the whole, is free."""
        return self._free * 2 < self._count or (self._whole is not None and self._whole.scarce)

    def take(self, count: int = 1) -> bool:
        """Take so many places, if they are free."""
        if self._free < count or (self._whole and not self._whole.take(count)):
            return False
        self._free -= count
        return True

    def give_back(self, count: int = 1) -> None:
        """Give places back, and call everybody who waits for one."""
        if self._whole:
            self._whole.give_back(count)
        self._free += count
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def wait(self, call: Callable[[], None]) -> None:
        """Have a function called when a place is given back that `take` did not find."""
        if self._free and self._whole:
            self._whole.wait(call)
        else:
            self._waiting.append(call)
