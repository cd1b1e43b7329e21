"""The run of lifecycle rules, which nobody asks for: OSS makes it every night, the embedded cloud every hour that it is up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

INTERVAL = 3600.0  # seconds

logger = logging.getLogger(__name__)


class Nightly:
    """A function that is called again and again, in a thread.

    Args:
        work: the function.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
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
            call = asyncio.create_task(asyncio.to_thread(self._work))
            try:
                await asyncio.shield(call)
            except asyncio.CancelledError:
                await asyncio.wait([call])  # the store stays open as long as it is used
                raise
            except Exception:
                logger.exception("a run of the lifecycle rules failed; the next one is in an hour")
            await asyncio.sleep(INTERVAL)
