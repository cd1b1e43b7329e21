"""The project's real build, for all end-to-end tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from heavylift.contracts.manifest import Build, read_build
from tests.support.paths import ROOT


@pytest.fixture(scope="session")
def build() -> Build:
    """The project's own build, made or brought up to date."""
    done = subprocess.run(
        [sys.executable, "-m", "layers_build", "all"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return read_build(ROOT / "dist")
