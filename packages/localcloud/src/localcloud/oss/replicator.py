"""Replicates by itself, for as long as the embedded cloud is up: as soon as there is something to copy, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from localcloud.kernel.hourly import LOOK
from localcloud.kernel.threads import until_done
from localcloud.oss.operations.replication import RETRY, ReplicationOperations

logger = logging.getLogger(__name__)


class Replicator:
    """Runs the rules of replication again and again: when there is something to do, and when somebody says so.

    Args:
        replication: the rules.
        clock: the embedded cloud's, which may be moved; seconds since the epoch.
    """

    def __init__(self, replication: ReplicationOperations, *, clock: Callable[[], float]) -> None:
        self._replication = replication
        self._clock = clock
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, with what an earlier process has left, in the running event loop."""
        loop = asyncio.get_running_loop()
        self._replication.on_change(lambda: loop.call_soon_threadsafe(self._told.set))
        self._task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """End, after the run that is under way."""
        self._replication.on_change(lambda: None)
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._told.clear()
            due = await self._work()
            until = None if due is None else self._clock() + due
            while not self._told.is_set() and (until is None or self._clock() < until):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if until is None else LOOK):
                        await self._told.wait()

    async def _work(self) -> float | None:
        """Run the rules once, and return the seconds until they have to run again, whether somebody says so or not."""
        try:
            return await until_done(asyncio.to_thread(self._run_once))
        except Exception:
            logger.exception("a run of the replication rules failed")
            return RETRY

    def _run_once(self) -> float | None:
        self._replication.run()
        return self._replication.due()
