"""Work in threads that nobody can break off."""

from __future__ import annotations

import asyncio
import threading

import pytest

from localcloud.kernel.threads import until_done


def test_work_gives_its_result() -> None:
    async def scenario() -> int:
        return await until_done(asyncio.to_thread(lambda: 7))

    assert asyncio.run(scenario()) == 7


def test_who_is_cancelled_waits_for_the_end_of_its_work() -> None:
    async def scenario() -> None:
        begun, go_on, ended = asyncio.Event(), threading.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait()
            ended.set()

        waiting = asyncio.create_task(until_done(asyncio.to_thread(work)))
        await begun.wait()
        waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended.is_set()

    asyncio.run(scenario())
