"""The CDK imported by several processes at once, and after one that was killed while it unpacked it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "from heavylift.cdk.loading import load_one_at_a_time as prepare; prepare(); prepare(); import ros_cdk_core"
MARKER = ".jsii-runtime-package-cache"

pytestmark = pytest.mark.node


def imports(cache: Path, count: int) -> list[str]:
    """Import the CDK in several processes at once, and return what those said that failed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JSII_RUNTIME")}
    environment["XDG_CACHE_HOME"] = str(cache)
    command = [sys.executable, "-c", PROGRAM]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    said = [process.communicate(timeout=120)[1] for process in running]
    return [text for process, text in zip(running, said, strict=True) if process.returncode]


def test_processes_that_import_the_cdk_at_once_wait_for_each_other_and_mend_what_a_killed_one_left(
    tmp_path: Path,
) -> None:
    assert imports(tmp_path, 3) == []
    (marker,) = tmp_path.glob(f"heavylift/jsii/@alicloud/ros-cdk-core/*/*/{MARKER}")
    shutil.rmtree(marker.parent)
    marker.parent.mkdir()  # unpacking had begun
    marker.parent.with_name(f"{marker.parent.name}.lock").touch()
    assert imports(tmp_path, 1) == []
    assert marker.exists()
