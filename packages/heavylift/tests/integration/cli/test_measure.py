"""`heavylift measure` against the embedded cloud, as a user runs it, and what it leaves there: nothing."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oss2
import pytest

from heavylift.clouds.embedded import EmbeddedCloud
from heavylift.clouds.ros import Ros
from heavylift.clouds.session import Session, local_session
from tests.support import interrupts

APP = """
from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    HeavyFunction(
        HeavyStack(app), "Function", model="weights", generation=app.node.try_get_context("generation"),
        memory=512, cpu=0.5, timeout=60, environment={"COLOUR": "blue"},
    )
"""
CODE = """
import os
from pathlib import Path

import six

colours = []

def warmup():
    assert Path(os.environ["ModelDir"], "model.bin").read_bytes() == b"model"
    colours.append(os.environ["COLOUR"])

def handler(event, context):
    if event == b"fail":
        raise ValueError("on purpose")
    return colours[0]
"""
pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]


class Measured:
    """A project, and an embedded cloud."""

    def __init__(self, folder: Path, data: Path, session: Session) -> None:
        self.session = session
        self._command = [sys.executable, "-m", "heavylift", "measure", "--project", str(folder), "--data", str(data)]

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=interrupts.listen,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.begin(*words) as process:
            out, error = process.communicate()
        return process.returncode, out, error

    @property
    def buckets(self) -> list[str]:
        any_bucket = self.session.bucket("any")
        service = oss2.Service(any_bucket.auth, self.session.oss, region=self.session.region)
        return [each.name for each in oss2.BucketIterator(service)]

    @property
    def stacks(self) -> list[str]:
        return [stack.name for stack in Ros(self.session.ros_client(), self.session.region).stacks()]

    @property
    def left(self) -> list[str]:
        """What there is in the cloud."""
        services = self.session.fc2_client().list_services(_requests().ListServicesRequest()).body.services or []
        return [*self.stacks, *self.buckets, *(each.service_name for each in services)]


def _requests() -> Any:
    from alibabacloud_fc_open20210406 import models

    return models


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    folder = tmp_path_factory.mktemp("measured")
    project, data = folder / "project", folder / "cloud"
    for name, content in {
        "app.py": APP,
        "function/index.py": CODE,
        "layers_build/applib.txt": "six==1.17.0\n",
        "weights/model.bin": "model",
        "cdk.json": json.dumps({"app": "python app.py", "context": {"stackName": "mine", "generation": "3.0"}}),
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)
    with EmbeddedCloud(data) as endpoints:
        yield Measured(project, data, local_session(endpoints, data))
    shutil.rmtree(folder)


@pytest.mark.parametrize("generation", ["2.0", "3.0"])
def test_both_ways_are_started_cold_and_nothing_is_left(measured: Measured, generation: str) -> None:
    code, out, error = measured.run("--starts", "2", "--json", "-c", f"generation={generation}")
    assert code == 0, error
    records = [json.loads(line) for line in out.splitlines()]
    rows = {each["way"]: each for each in records if each["event"] == "measured"}
    assert list(rows) == ["heavylift", "the article's way"]
    for row in rows.values():
        assert row["starts"] == 2
        assert 0 < row["load"] < row["worst"]
        assert 0 < row["thousand_usd"] < 1
    started = [(each["way"], each["number"]) for each in records if each["event"] == "start"]
    assert started == [(way, number) for number in (1, 2) for way in rows]
    assert measured.left == []


def test_people_get_a_table(measured: Measured) -> None:
    code, out, error = measured.run("--starts", "1")
    assert code == 0, error
    assert "1 cold starts of each way: Runtime python3.10, Cpu 0.5, MemorySize 512" in out
    assert "times faster. Costs are estimated" in out.splitlines()[-1]


def test_a_function_that_fails_is_an_error_and_nothing_is_left(measured: Measured) -> None:
    code, _, error = measured.run("--payload", "fail")
    assert code == 1
    assert "-ours fails (UnhandledInvocationError)" in error.splitlines()[-1]
    assert "on purpose" in error
    assert measured.left == []


def test_what_an_interruption_leaves_is_removed(measured: Measured) -> None:
    with measured.begin("--starts", "100") as process:
        _await_first_start(process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate()
    assert process.returncode == 130, error
    assert measured.left == []


def test_what_cannot_be_removed_is_named(measured: Measured) -> None:
    with measured.begin("--starts", "100") as process:
        _await_first_start(process)
        (name,) = measured.buckets
        bucket = measured.session.bucket(name)
        bucket.delete_bucket_tagging()  # now it is nobody's that heavylift knows
        process.send_signal(signal.SIGINT)
        _, error = process.communicate()
    assert process.returncode == 1
    assert f"interrupted; NOT REMOVED: the bucket {name} (" in error.splitlines()[-1]
    assert measured.stacks == []
    for item in oss2.ObjectIterator(bucket):
        bucket.delete_object(item.key)
    bucket.delete_bucket()


def _await_first_start(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("start 1 of"):
            return
    raise AssertionError("nothing was started")
