"""`--fc-limit-cpu`: an instance gets the vCPU of its function, in control groups that go with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.instances.cpu import PREFIX, open_cpu_groups
from localcloud.kernel.errors import LocalCloudError
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py

# Two busy processes at once, which would take two cores: what a quota does not bound comes out well above it.
BUSY = """
import json, os, time


def burn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def handler(event, context):
    begin, before = time.monotonic(), os.times()
    child = os.fork()
    burn(float(event))
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    after = os.times()
    used = sum(after[:4]) - sum(before[:4])
    return json.dumps({"cpu": used, "wall": time.monotonic() - begin})
"""


@pytest.fixture
def groups() -> Callable[[], list[Path]]:
    """Return the control groups that embedded clouds made; skip where none can be made."""
    try:
        parent = open_cpu_groups().parent
    except LocalCloudError as error:
        pytest.skip(str(error))
    mine = f"{PREFIX}{os.getpid()}-"
    return lambda: [each for each in parent.glob(f"{PREFIX}*") if not each.name.startswith(mine)]


@pytest.fixture
def limited(start_cloud: Any, tmp_path: Path, groups: Callable[[], list[Path]]) -> Iterator[Running]:
    """An embedded cloud that limits; it is stopped, so that it leaves no groups."""
    cloud = start_cloud(tmp_path / "data", "--fc-limit-cpu")
    yield cloud
    if cloud.process.poll() is None:
        assert cloud.stop() == 0
    assert of(cloud, groups) == []


def of(cloud: Running, groups: Callable[[], list[Path]]) -> list[Path]:
    return [each for each in groups() if each.name.startswith(f"{PREFIX}{cloud.process.pid}-")]


def quota(group: Path) -> float:
    """Return the vCPU that a group is kept to."""
    if (group / "cpu.max").exists():  # of control groups of version 2
        allowed, period = (group / "cpu.max").read_text().split()
    else:
        allowed, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return int(allowed) / int(period)


@pytest.mark.parametrize(("memory", "cpu", "expected"), [(512, 0.5, 0.5), (384, None, 0.25)])
def test_the_whole_process_tree_shares_the_vcpu_of_the_function(
    limited: Running, client_of: Any, zip_of: Any, groups: Callable[[], list[Path]],
    memory: int, cpu: float | None, expected: float,
) -> None:  # fmt: skip
    client = client_of(limited)
    settings = {"cpu": cpu} if cpu else {}
    client.create("f", code=zip_of({"index.py": BUSY}), memorySize=memory, timeout=60, **settings)
    client.invoke("f", b"0.1")  # the start is over
    answer = client.invoke("f", b"3").json
    share = answer["cpu"] / answer["wall"]
    assert share < expected * 1.2  # a period that had begun lets a little more through, a crowded machine much less
    (group,) = of(limited, groups)
    assert quota(group) == expected
    assert (group / "cgroup.procs").read_text().split()  # the instance is in it
    counters = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    # The crowd alone may have held it back; then it had less than its share.
    assert int(counters["nr_throttled"]) > 0 or share < expected


def test_without_the_option_nothing_holds_an_instance_back(
    cloud: Running, client: Any, code: bytes, make_event: Any, groups: Callable[[], list[Path]]
) -> None:
    client.create("f", code=code, memorySize=512, cpu=0.5)
    client.invoke("f", make_event("state"))
    assert of(cloud, groups) == []


def test_a_group_goes_with_its_instance_and_all_go_with_the_server(
    limited: Running, client_of: Any, code: bytes, make_event: Any, groups: Callable[[], list[Path]]
) -> None:
    client = client_of(limited)
    client.create("one", code=code, timeout=60)
    client.create("two", code=code, timeout=60)
    kept, gone = (client.invoke(name, make_event("state")).headers["x-fc-instance-id"] for name in ("one", "two"))
    assert {each.name for each in of(limited, groups)} == {
        f"{PREFIX}{limited.process.pid}-{each}" for each in (kept, gone)
    }
    client.delete("two")
    assert [each.name for each in of(limited, groups)] == [f"{PREFIX}{limited.process.pid}-{kept}"]
    dead = client.invoke("one", make_event("exit"))
    assert dead.error_type == "UnhandledInvocationError"
    wait_for(lambda: of(limited, groups) == [])
    client.invoke("one", make_event("sleep", seconds=30), kind="Async", log="None")
    wait_for(lambda: of(limited, groups))
    assert limited.stop() == 0
    assert of(limited, groups) == []


def test_the_next_server_removes_the_groups_of_a_killed_one(
    limited: Running, start_cloud: Any, client_of: Any, code: bytes, make_event: Any, groups: Callable[[], list[Path]]
) -> None:  # fmt: skip
    client = client_of(limited)
    client.create("f", code=code)
    client.invoke("f", make_event("state"))
    assert limited.stop(signal.SIGKILL) == -signal.SIGKILL
    (left,) = of(limited, groups)
    wait_for(lambda: not (left / "cgroup.procs").read_text())
    again = start_cloud(limited.data, "--fc-limit-cpu")
    assert not left.exists()
    assert again.stop() == 0


def test_more_vcpu_than_this_machine_has_is_noted(
    limited: Running, client_of: Any, code: bytes, make_event: Any
) -> None:
    client = client_of(limited)
    client.create("f", code=code, memorySize=16384, cpu=16)
    cores = len(os.sched_getaffinity(0))
    if cores >= 16:
        pytest.skip("this machine has 16 cores or more")
    answer = client.invoke("f", make_event("state"))
    assert f"FC Note: the function asks for 16 vCPU, this machine has {cores}" in answer.log
