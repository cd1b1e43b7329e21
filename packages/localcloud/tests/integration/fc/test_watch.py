"""The watch over an instance: when it cannot tell what the instance uses, the instance ends."""

from __future__ import annotations

import asyncio
import errno
import sys
import time
from pathlib import Path

import pytest

from localcloud.fc.instances import process as processes
from localcloud.fc.instances.instance import Host, Instance, InstanceDiedError
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.network import Ports
from localcloud.fc.instances.pool import Pool, Supplies
from localcloud.fc.instances.unsandboxed import Folder
from localcloud.fc.model import EndReason, Function
from localcloud.fc.releases import Release
from localcloud.kernel.places import Places

HANDLER = "import time\n\n\ndef handler(event, context):\n    time.sleep(60)\n"


class BlindFolder(Folder):
    """A folder whose disk use cannot be told."""

    def disk_used(self, folder: Path, pid: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")


def make_host(folder: Path, isolation: Folder, ports: Ports) -> Host:
    return Host(
        folder=folder, isolation=isolation, cpu_groups=None, ports=ports, gateway=("127.0.0.1", 9), authority=""
    )


RELEASE = Release(
    function=Function(service="s", name="f", runtime="python3.10", handler="index.handler", timeout=60), service=None
)


async def make_environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "FC_REGION": "r", "FC_ACCOUNT_ID": "1"}


async def run(folder: Path) -> tuple[EndReason | None, str, bool]:
    """Run a handler that sleeps for a minute; return why the instance died, its log, and whether it is alive."""
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text(HANDLER)
    log = InvocationLog(folder / "f.log")
    tried = Instance(
        RELEASE,
        host=make_host(folder / "instances", BlindFolder("this is a test"), Ports()),
    )
    try:
        await tried.start(
            code=folder / "code",
            interpreter=Interpreter(path=Path(sys.executable).resolve(), note=None),
            environment=make_environment(),
            log=log,
        )
        with pytest.raises(InstanceDiedError) as died:
            await tried.call("invoke", b"", request_id="1", limit=60, log=log)
        return died.value.reason, log.tail.decode(), tried.alive
    finally:
        tried.close()


def test_an_instance_whose_use_cannot_be_told_is_ended_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin = time.monotonic()
    reason, log, alive = asyncio.run(run(tmp_path))
    assert time.monotonic() - begin < 15
    assert (reason, alive) == (EndReason.WATCH, False)
    assert "FC Error: the instance is ended, because what it uses cannot be measured" in log
    assert "services/s/functions/f is ended: its limits cannot be kept" in caplog.text
    assert "too many open files" in caplog.text


def test_an_instance_is_ended_even_when_its_processes_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> list[int]:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(processes, "find_tree", fail)
    monkeypatch.setattr(processes, "list_tree", fail)
    begin = time.monotonic()
    reason, _, alive = asyncio.run(run(tmp_path))
    assert time.monotonic() - begin < 15
    assert (reason, alive) == (EndReason.WATCH, False)


def test_an_instance_that_cannot_be_frozen_is_ended_after_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Instance) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    (tmp_path / "index.py").write_text("def handler(event, context):\n    return 'done'\n")
    monkeypatch.setattr(Instance, "freeze", fail)
    ports = Ports()
    ports.open({}, known=lambda _: False, places=Places(16), rooms=Places(16))
    supplies = Supplies(
        code=tmp_path,
        host=make_host(tmp_path / "instances", Folder("this is a test"), ports),
        find_interpreter=lambda: Interpreter(path=Path(sys.executable).resolve(), note=None),
        make_environment=make_environment,
        max_instances=1,
        make_room=lambda: False,
        begin_log=lambda: InvocationLog(tmp_path / "f.log"),
    )
    pool = Pool(RELEASE, supplies)
    answer, used = asyncio.run(pool.run(b"", request_id="1", log=InvocationLog(tmp_path / "f.log")))
    assert answer.body == b"done"
    assert (used.alive, pool.instances) == (False, [])
