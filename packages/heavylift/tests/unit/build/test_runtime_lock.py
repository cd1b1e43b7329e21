"""The loading library's requirements come resolved with it, so that a build resolves nothing and writes nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.resolve import RUNTIME, lock_runtime, read_lock
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target


@pytest.mark.parametrize("python", ["3.11", *(runtime.target.python for runtime in RUNTIMES.values())])
def test_each_runtime_of_the_cloud_has_a_lock_of_todays_requirements(python: str, tmp_path: Path) -> None:
    lock = lock_runtime(tmp_path / "locks", Target(python, DEFAULT_PLATFORM))
    assert lock.parent == RUNTIME.parent / "locks", "requirements.txt was changed: run `make lock`"
    assert {entry.split("==")[0] for entry in read_lock(lock)} >= {"oss2", "zstandard", "isal", "crcmod-plus"}
    assert not (tmp_path / "locks").exists()
