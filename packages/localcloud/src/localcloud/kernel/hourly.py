"""Work that nobody asks for, such as the run of lifecycle rules: once an hour by the embedded cloud's clock, which may be moved."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from localcloud.kernel.threads import until_done

INTERVAL = 3600.0  # seconds
LOOK = 1.0  # seconds between two looks at the clock

logger = logging.getLogger(__name__)


class Hourly:
    """A function that is called again and again, in a thread.

    Args:
        work: the function.
        name: what it does, for the log.
        clock: seconds since the epoch.
    """

    def __init__(self, work: Callable[[], object], name: str, *, clock: Callable[[], float]) -> None:
        self._work = work
        self._name = name
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, with a call at once, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """End, after the call that is under way."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            due = self._clock() + INTERVAL
            try:
                await until_done(asyncio.to_thread(self._work))
            except Exception:
                logger.exception("%s failed; the next run is in an hour", self._name)
            while self._clock() < due:
                await asyncio.sleep(LOOK)
