"""Work that is done every hour."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from localcloud.kernel import hourly as module
from localcloud.kernel.hourly import INTERVAL, Hourly
from tests.support.clock import Clock


def test_it_begins_at_once_and_ends_after_the_call_that_is_under_way() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    async def run() -> None:
        hourly = Hourly(work, "the work", clock=time.time)
        hourly.begin()
        await asyncio.to_thread(begun.wait, 10)
        end = asyncio.create_task(hourly.end())
        await asyncio.sleep(0)
        assert not ended.is_set()
        may_end.set()
        await end
        assert ended.is_set()

    asyncio.run(run())


def test_a_run_that_fails_is_logged_and_is_not_the_last_one(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        failed = threading.Event()

        def work() -> None:
            failed.set()
            raise ValueError("broken")

        hourly = Hourly(work, "the work", clock=time.time)
        hourly.begin()
        await asyncio.to_thread(failed.wait, 10)
        while not caplog.records:
            await asyncio.sleep(0)
        await hourly.end()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "the work failed; the next run is in an hour" in caplog.text


def test_the_next_run_comes_when_the_clock_is_moved_by_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.001)
    clock, runs = Clock(), []

    async def run() -> None:
        hourly = Hourly(lambda: runs.append(clock()), "the work", clock=clock)
        hourly.begin()
        while not runs:
            await asyncio.sleep(0.001)
        clock.now += INTERVAL - 1
        await asyncio.sleep(0.02)
        assert len(runs) == 1
        clock.now += 1
        async with asyncio.timeout(10):
            while len(runs) < 2:
                await asyncio.sleep(0.001)
        await hourly.end()

    asyncio.run(run())
