"""The stack, deployed to an embedded cloud of the tests' own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # the function's modules are `function.NAME`

Heavylift = Callable[..., str]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the embedded cloud's state, with its endpoints.json and account.json."""
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="session")
def heavylift(cloud: Path) -> Iterator[Heavylift]:
    """Runs `heavylift` on the deployed stack, and returns what it prints."""

    def run(command: str, *words: str) -> str:
        line = [sys.executable, "-m", "heavylift", command, "--data", str(cloud), *words]
        done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        run("deploy")
        yield run
    finally:
        run("local", "stop")
