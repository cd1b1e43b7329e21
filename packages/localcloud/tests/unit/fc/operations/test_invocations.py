"""Asynchronous invocations: they are tried, and forgotten when they are done, whatever fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.fc.model import Code, Function, Settings
from localcloud.fc.operations import invocations
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import Retries
from localcloud.kernel.identity import Credential
from localcloud.kernel.places import Places
from localcloud.oss.model import Bucket
from localcloud.sls.operations.service import SlsService

ZIP = b"PK\x05\x06" + bytes(18)  # an empty archive
ROLE = "acs:ram::1:role/r"


class BrokenRoles:
    """Roles that fail as nobody expects."""

    def __init__(self) -> None:
        self.asked = 0

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        self.asked += 1
        raise RuntimeError("broken")

    def lend(self, policy: str, *, session_name: str, duration: int) -> Credential:
        raise NotImplementedError


class NoObjects:
    def read(self, bucket: str, key: str, *, permit: Callable[[str, str], None]) -> bytes:
        raise NotImplementedError


class NoBuckets:
    def find(self, name: str) -> Bucket | None:
        raise NotImplementedError

    def create(self, name: str) -> object:
        raise NotImplementedError

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        raise NotImplementedError


def open_service(folder: Path, settings: Settings, roles: BrokenRoles, clock: Callable[[], float]) -> FcService:
    return FcService(
        folder,
        settings=settings,
        roles=roles,
        objects=NoObjects(),
        buckets=NoBuckets(),
        logstores=SlsService(folder / "sls", clock=clock),
        deliver=lambda *_: None,
        clock=clock,
    )


def test_an_unexpected_failure_is_a_try_and_after_all_of_them_nothing_stays_pending(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    roles, pending = BrokenRoles(), tmp_path / "pending"
    settings = Settings(
        region="r",
        account_id="1",
        gateway=("127.0.0.1", 9),
        authority="",
        unsandboxed=True,
        retries=Retries(backoff=0.001),
    )

    async def scenario() -> None:
        fc = open_service(tmp_path, settings, roles, time.time)
        fc.ports.open({}, known=lambda _: False, places=Places(16), rooms=Places(16))
        await fc.open()
        try:
            function = Function(service="", name="f", runtime="python3.10", handler="index.handler", role=ROLE)
            await fc.functions.create(function, Code(content=ZIP))
            fc.invocations.invoke_async("functions/f", b"", request_id="1-a")
            assert [path.name for path in pending.iterdir()] == ["1-a.json"]
            async with asyncio.timeout(20):
                while list(pending.iterdir()):
                    await asyncio.sleep(0.001)
        finally:
            await fc.close()

    asyncio.run(scenario())
    assert roles.asked == 3
    log = (tmp_path / "logs" / "functions.f.log").read_text()
    assert "FC Async Attempt 3 of 3 failed RequestId: 1-a InternalServerError: RuntimeError" in log
    assert "RuntimeError: broken" in caplog.text


def test_an_invocation_that_is_put_off_waits_until_it_is_due_over_a_restart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocations, "LOOK", 0.001)
    roles, pending = BrokenRoles(), tmp_path / "pending"
    now = 1000.0
    settings = Settings(
        region="r", account_id="1", gateway=("127.0.0.1", 9), authority="", unsandboxed=True, retries=Retries(tries=1)
    )

    async def start() -> FcService:
        fc = open_service(tmp_path, settings, roles, lambda: now)
        fc.ports.open({}, known=lambda _: False, places=Places(16), rooms=Places(16))
        await fc.open()
        return fc

    async def accept() -> None:
        fc = await start()
        function = Function(service="", name="f", runtime="python3.10", handler="index.handler", role=ROLE)
        await fc.functions.create(function, Code(content=ZIP))
        fc.invocations.invoke_async("functions/f", b"", request_id="1-a", delay=60)
        await asyncio.sleep(0.05)
        await fc.close()

    async def go_on() -> None:
        nonlocal now
        fc = await start()
        try:
            await asyncio.sleep(0.05)
            assert roles.asked == 0
            now += 1  # somebody moves the clock
            async with asyncio.timeout(20):
                while list(pending.iterdir()):
                    await asyncio.sleep(0.001)
        finally:
            await fc.close()

    asyncio.run(accept())
    assert roles.asked == 0
    now += 59.9
    asyncio.run(go_on())
    assert roles.asked == 1
