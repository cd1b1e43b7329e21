"""The command line against a running embedded cloud, with a small app of its own."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oss2
import pytest

from heavylift.cli.main import main

Running = Any  # the running cloud of tests/support/cloud.py
APP = Path(__file__).with_name("app.py")


@dataclass
class Said:
    """The output of a command, and its exit code."""

    code: int
    out: str
    error: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> str:
        """The last line that was said as an error."""
        return self.error.strip().splitlines()[-1]


@dataclass
class Project:
    """A project with cdk.json, and the command line in it."""

    folder: Path
    cloud: Running
    stack: str
    bucket: str
    capture: pytest.CaptureFixture[str]

    @property
    def assets(self) -> str:
        """The name of the asset bucket."""
        return f"cdk-{self.stack}-assets-{self.cloud.region}"

    def heavylift(self, command: str, *arguments: str) -> Said:
        """Run a command against the running cloud."""
        self.capture.readouterr()
        code = main([command, "--data", str(self.cloud.data), "--project", str(self.folder), *arguments])
        captured = self.capture.readouterr()
        return Said(code, captured.out, captured.err)

    def exists(self, bucket: str) -> bool:
        """Return whether a bucket exists."""
        try:
            self.cloud.bucket(bucket).get_bucket_info()
        except oss2.exceptions.NoSuchBucket:
            return False
        return True


@pytest.fixture
def make_project(cloud: Running, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Project]:
    """Make projects, each with a stack of its own."""

    def make(**context: str) -> Project:
        name = "cli-" + uuid.uuid4().hex[:10]
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(APP, folder)
        settings = {"stack": name, "qualifier": name, "bucket": f"{name}-data", **context}
        (folder / "cdk.json").write_text(json.dumps({"app": "python app.py", "context": settings}))
        return Project(folder, cloud, name, settings["bucket"], capfd)

    return make


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project that is not deployed."""
    return make_project()
