"""Instances: their limits, what they see, how they are frozen, multiplied, ended and cleaned up."""

from __future__ import annotations

import base64
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from tests.support.cloud import few_descriptors
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
MakeEvent = Callable[..., bytes]


def tree(cloud: Running) -> list[psutil.Process]:
    return psutil.Process(cloud.process.pid).children(recursive=True)


def own(instances: list[dict[str, Any]], answer: Any) -> dict[str, Any]:
    return next(each for each in instances if each["id"] == answer.headers["x-fc-instance-id"])


def test_timeout_kills_the_whole_process_tree(client: Any, code: bytes, make_event: MakeEvent, cloud: Running) -> None:
    client.create("f", code=code, timeout=1)
    begin = time.monotonic()
    answer = client.invoke("f", make_event("children"))
    assert time.monotonic() - begin < 10
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"].startswith("Function timed out after 1 seconds (maxMemoryUsage: ")
    wait_for(lambda: not any("time.sleep(1000)" in " ".join(each.cmdline()) for each in tree(cloud)))


def test_memory_over_the_limit_is_killed(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code, memorySize=128, timeout=60)
    assert client.invoke("f", make_event("memory", megabytes=50)).error_type is None
    answer = client.invoke("f", make_event("memory", megabytes=2000))
    assert answer.error_type == "UnhandledInvocationError"
    assert "out of memory, the limit is 128 MB" in answer.json["errorMessage"]
    assert float(answer.headers["x-fc-max-memory-usage"]) > 128
    assert client.invoke("f", make_event("state")).error_type is None


def test_disk_of_the_instance_is_full(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running, instances_of: Callable[..., Any]
) -> None:
    client.create("f", code=code, diskSize=512, timeout=60)
    small = client.invoke("f", make_event("disk", megabytes=100))
    assert small.json == {"size": 100 << 20}
    assert own(instances_of(cloud), small)["disk"] == 100 << 20
    assert client.invoke("f", make_event("disk", megabytes=600)).json == {"errno": errno.ENOSPC}
    assert own(instances_of(cloud), small)["peak_disk"] == 512 << 20


def test_code_is_read_only_and_secrets_of_this_machine_are_out_of_sight(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running
) -> None:
    client.create("f", code=code)
    assert client.invoke("f", make_event("write", path="/code/new")).json["error"] == "OSError"
    for path in (
        cloud.data / "account.json",
        Path("/etc/shadow"),
        Path.home() / ".bashrc",
        Path(f"/proc/{os.getpid()}/environ"),
    ):
        assert client.invoke("f", make_event("read", path=str(path))).json["error"] in {
            "FileNotFoundError",
            "PermissionError",
        }


def test_a_function_sees_the_processors(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code)
    for name in ("possible", "online"):
        path = Path("/sys/devices/system/cpu", name)
        assert client.invoke("f", make_event("read", path=str(path))).json == {"content": path.read_text()}
    assert client.invoke("f", make_event("write", path=str(path))).json["error"] in {"OSError", "PermissionError"}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_function_uses_several_processes(client: Any, code: bytes, make_event: MakeEvent, method: str) -> None:
    client.create("f", code=code, timeout=60)
    answer = client.invoke("f", make_event("processes", method=method))
    assert answer.json == {"there": [0, 2, 4], "workers": True}


def test_instances_do_not_see_each_others_files(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("one", code=code)
    client.create("two", code=code)
    assert client.invoke("one", make_event("append", path="/tmp/kept")).json == {"size": 1}
    assert client.invoke("one", make_event("append", path="/tmp/kept")).json == {"size": 2}
    assert client.invoke("two", make_event("append", path="/tmp/kept")).json == {"size": 1}


def test_frozen_between_requests(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running, instances_of: Callable[..., Any]
) -> None:
    client.create("f", code=code)
    client.invoke("f", make_event("tick"))
    before = client.invoke("f", make_event("state"))
    assert own(instances_of(cloud), before)["state"] == "frozen"
    process = psutil.Process(own(instances_of(cloud), before)["pid"])
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)  # the signal is sent; a busy kernel has yet to stop it
    time.sleep(1)  # the second in which nothing may happen
    assert client.invoke("f", make_event("sleep", seconds=0.5)).error_type is None
    after = client.invoke("f", make_event("state"))
    assert after.json["gap"] >= 1  # between two ticks of 5 milliseconds
    assert after.json["ticks"] > before.json["ticks"]  # while a request ran


def test_parallel_requests_get_an_instance_each(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code, initializer="index.initializer", timeout=10)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.invoke("f", make_event("sleep", seconds=1.5)), range(4)))
    assert all(answer.error_type is None for answer in answers)
    ids = {answer.headers["x-fc-instance-id"] for answer in answers}
    assert len(ids) == 4
    assert client.invoke("f", make_event("state")).headers["x-fc-instance-id"] in ids


def test_more_parallel_requests_than_instances_are_refused(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent, refused: Any,
    instances_of: Callable[..., Any],
) -> None:  # fmt: skip
    cloud = start_cloud(tmp_path / "data", "--fc-instances", "1")
    client = client_of(cloud)
    client.create("f", code=code, timeout=20)
    busy = threading.Thread(target=client.invoke, args=("f", make_event("sleep", seconds=3)))
    busy.start()
    wait_for(lambda: instances_of(cloud))
    with pytest.raises(refused) as error:
        client.invoke("f", make_event("state"))
    assert (error.value.status, error.value.code) == (429, "ResourceExhausted")
    accepted = client.invoke("f", make_event("state"), kind="Async", log="None")  # this one waits for its turn
    busy.join()
    log = cloud.data / "fc" / "logs"
    wait_for(
        lambda: any(
            f"Invoke End RequestId: {accepted.headers['x-fc-request-id']}" in p.read_text() for p in log.iterdir()
        )
    )
    assert cloud.stop() == 0


def test_instances_leave_descriptors_to_everybody(
    start_cloud: Any,
    tmp_path: Path,
    client_of: Any,
    code: bytes,
    make_event: MakeEvent,
    refused: Any,
    instances_of: Any,
) -> None:
    with few_descriptors(140):
        cloud = start_cloud(tmp_path / "data")
    client = client_of(cloud)
    for name in ("f", "g", "h"):
        client.create(name, code=code, timeout=20)

    def outcome(_: int) -> str | None:
        try:
            return cast(str | None, client.invoke("f", make_event("sleep", seconds=3)).error_type)
        except refused as error:
            return str(error.code)

    with ThreadPoolExecutor(12) as pool:
        outcomes = set(pool.map(outcome, range(12)))
    assert outcomes == {None, "ResourceExhausted"}
    for name in ("g", "h", "f"):  # an idle instance makes room for another function's
        assert client.invoke(name, make_event("state")).error_type is None
    assert len(instances_of(cloud)) < 3
    assert b"Too many open files" not in (cloud.data / "stderr.log").read_bytes()
    assert cloud.stop() == 0


def test_idle_instances_are_ended(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent,
    instances_of: Callable[..., Any],
) -> None:  # fmt: skip
    cloud = start_cloud(tmp_path / "data", "--fc-idle", "1")
    client = client_of(cloud)
    client.create("f", code=code)
    first = client.invoke("f", make_event("state"))
    wait_for(lambda: not instances_of(cloud))
    assert not tree(cloud)
    assert not list((cloud.data / "fc" / "instances").iterdir())
    assert client.invoke("f", make_event("state")).headers["x-fc-instance-id"] != first.headers["x-fc-instance-id"]
    assert cloud.stop() == 0


def test_update_takes_effect_while_the_old_instance_finishes_with_the_old_code(
    client: Any, code_of: Callable[..., bytes], make_event: MakeEvent, cloud: Running, instances_of: Callable[..., Any]
) -> None:
    client.create("f", code=code_of(late="old"), timeout=20)
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(client.invoke, "f", make_event("late", seconds=3))
        wait_for(
            lambda: any(each["function"].endswith(f"{client.service}/functions/f") for each in instances_of(cloud))
        )
        new_code = {"zipFile": base64.b64encode(code_of(late="new")).decode()}
        client.update("f", environmentVariables={"MINE": "new"}, code=new_code)
        new = client.invoke("f", make_event("environment"))
        assert new.json["environment"]["MINE"] == "new"
        assert client.invoke("f", make_event("late", seconds=0)).body == b"new"
        assert old.result().body == b"old"
    ids = [each["id"] for each in instances_of(cloud)]
    assert new.headers["x-fc-instance-id"] in ids
    assert old.result().headers["x-fc-instance-id"] not in ids


def test_killed_instance_in_the_middle_of_the_initializer(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running, instances_of: Callable[..., Any]
) -> None:
    client.create(
        "f", code=code, initializer="index.initializer", initializationTimeout=30, environmentVariables={"INIT": "5"}
    )

    def at_work() -> Any:
        found = [each for each in instances_of(cloud) if each["function"].endswith(f"{client.service}/functions/f")]
        return found and found[0]["pid"]

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.invoke, "f", make_event("state"))
        pid = wait_for(at_work)
        os.kill(pid, signal.SIGKILL)
        assert first.result().error_type == "InitializationError"
    assert first.result().json["errorMessage"].startswith("Process exited unexpectedly before completing request")
    assert client.invoke("f", make_event("state")).json["initializer"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_cloud_and_what_was_accepted_is_done_later(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent,
    instances_of: Callable[..., Any], number: signal.Signals,
) -> None:  # fmt: skip
    cloud = start_cloud(tmp_path / "data")
    client = client_of(cloud)
    client.create("f", code=code, timeout=60)
    accepted = client.invoke("f", make_event("sleep", seconds=6), kind="Async", log="None")
    wait_for(lambda: any(each["pid"] for each in instances_of(cloud)))
    processes = tree(cloud)
    assert processes
    assert cloud.stop(number) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    assert not psutil.wait_procs(processes, timeout=4)[1]  # sooner than the function itself would have ended

    again = start_cloud(cloud.data)
    log = next((cloud.data / "fc" / "logs").iterdir())
    wait_for(lambda: f"FC Invoke End RequestId: {accepted.headers['x-fc-request-id']}" in log.read_text())
    assert len(list((cloud.data / "fc" / "instances").iterdir())) == 1
    assert again.stop() == 0


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH that has no bwrap on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = shutil.which("setpriv")
    assert tool
    (folder / "setpriv").symlink_to(tool)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.usefixtures("without_bubblewrap")
def test_without_bubblewrap_instances_have_folders_of_their_own_and_say_so(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent
) -> None:
    cloud = start_cloud(tmp_path / "data", "--fc-unsandboxed")
    client = client_of(cloud)
    client.create("f", code=code, timeout=60, environmentVariables={"AppLibDir": "/tmp/applib"})
    answer = client.invoke("f", make_event("environment"))
    environment = answer.json["environment"]
    assert "bubblewrap is not installed" in answer.log
    assert "bubblewrap is not installed" in (cloud.data / "stderr.log").read_text()
    own = Path(environment["AppLibDir"]).parent
    assert own.is_relative_to(cloud.data)
    assert environment["TMPDIR"] == environment["HOME"] == str(own)
    assert environment["FC_FUNC_CODE_PATH"] == answer.json["path"][0] == answer.json["cwd"]
    assert client.invoke("f", make_event("append", path=f"{own}/kept")).json == {"size": 1}
    full = client.invoke("f", make_event("fill", path=f"{own}/big"))
    assert "the disk is full, its size is 512 MB" in full.json["errorMessage"]
    wait_for(lambda: not own.exists())
    client.invoke("f", make_event("state"))
    processes = tree(cloud)
    assert cloud.stop(signal.SIGKILL) == -signal.SIGKILL
    assert not psutil.wait_procs(processes, timeout=10)[1]


def test_one_python_for_every_runtime(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent
) -> None:
    cloud = start_cloud(tmp_path / "data", "--fc-python", sys.executable)
    client = client_of(cloud)
    client.create("f", code=code, runtime="python3.9")
    answer = client.invoke("f", make_event("environment"))
    version = list(sys.version_info[:2])
    assert answer.json["version"] == version
    assert (
        f"FC Note: python3.9 runs on python{version[0]}.{version[1]}, as the embedded cloud was told to" in answer.log
    )
    folders = {folder for folder in answer.json["path"] if "site-packages" in folder}
    assert folders == {"/opt/python/lib/python3.9/site-packages"}  # where layers for that runtime have their modules
    assert cloud.stop() == 0


def test_a_function_runs_on_the_python_that_it_names(client: Any, code: bytes, make_event: MakeEvent) -> None:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    client.create("f", code=code, runtime="python3.9", environmentVariables={"LOCALCLOUD_PYTHON": f"python{own}"})
    answer = client.invoke("f", make_event("environment"))
    assert answer.json["version"] == list(sys.version_info[:2])
    assert f"FC Note: python3.9 runs on python{own}, as its variable LOCALCLOUD_PYTHON says" in answer.log


@pytest.mark.parametrize("name", ["python3.99", "../../bin/sh", "python3.*"])
def test_a_function_that_names_a_python_that_is_not_here_is_refused(
    client: Any, code: bytes, make_event: MakeEvent, refused: type[Exception], name: str
) -> None:
    client.create("f", code=code, environmentVariables={"LOCALCLOUD_PYTHON": name})
    with pytest.raises(refused, match="which is not installed here: install it"):
        client.invoke("f", make_event("state"))


def test_a_python_that_does_not_run_is_refused_at_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "--data", str(tmp_path / "data"), "--fc-python", "/usr/bin/true"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--fc-python /usr/bin/true" in done.stderr
    assert "Traceback" not in done.stderr


def test_failing_sweep_goes_on_reclaiming_instances(
    start_cloud: Callable[..., Running],
    client_of: Callable[..., Any],
    code: bytes,
    make_event: MakeEvent,
    instances_of: Any,
    tmp_path: Path,
) -> None:
    cloud = start_cloud(tmp_path / "data", "--fc-idle", "2")
    client = client_of(cloud)
    client.create("f", code=code)
    client.invoke("f", make_event("state"))
    (tmp_path / "data" / "fc" / "code").rename(tmp_path / "away")  # what the sweep looks through is gone
    log = tmp_path / "data" / "stderr.log"
    wait_for(lambda: b"Traceback" in log.read_bytes())
    assert instances_of(cloud), "it failed before there was anything to reclaim"
    wait_for(lambda: not instances_of(cloud))
    assert log.read_bytes().count(b"Traceback") == 1
