"""The file of an object that a request reads: it goes when nobody reads it any more, however the request ends."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from localcloud.oss.api.call import Call, Opening
from localcloud.oss.operations.objects import OpenObject
from localcloud.oss.operations.service import OssService


class SlowCall:
    """A call that reads in a thread, as when somebody else holds the store."""

    async def read(self, function: Any) -> Any:
        return await asyncio.to_thread(function)


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_file_that_was_opened_for_a_cancelled_request_goes(tmp_path: Path, cancelled_first: bool) -> None:
    service = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=lambda: 1_800_000_000.0)
    service.buckets.create("b-1")
    service.objects.put("b-1", "a", b"1")
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def opens() -> OpenObject:
        begun.set()
        go_on.wait(10)
        try:
            return service.objects.open("b-1", "a")
        finally:
            done.set()

    async def request() -> None:
        async with Opening(cast(Call, SlowCall()), opens):
            await asyncio.Event().wait()

    async def scenario() -> None:
        reading = asyncio.ensure_future(request())
        await asyncio.to_thread(begun.wait, 10)
        if cancelled_first:
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        go_on.set()
        await asyncio.to_thread(done.wait, 10)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(scenario())
    service.objects.delete("b-1", "a")
    assert list((tmp_path / "data").iterdir()) == []
