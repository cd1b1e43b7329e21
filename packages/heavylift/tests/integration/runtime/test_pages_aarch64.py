"""The helper in C for AArch64, executed by an emulator: its signals, its system calls, its threads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.page_server import Holes
from tests.support.paging import FUNCTIONS, code_library
from tests.support.paths import ROOT

COMPILER, EMULATOR, ROOT_OF_LIBRARIES = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"

pytestmark = pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
    reason=f"there is no {COMPILER} or no {EMULATOR}: apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
)


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of 64 threads that fault at once, for AArch64."""
    program = tmp_path_factory.mktemp("aarch64") / "stress"
    sources = [f"-I{ROOT}/packages/heavylift/native", f"{ROOT}/tests/support/pages_stress.c"]
    options = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([COMPILER, *options, *sources, "-o", program, "-ldl", "-lpthread"], check=True)
    return program


def run(stress: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    holes = Holes(code_library(compiler=COMPILER), folder / "libcode.so")
    holes.channel.close()
    holes.served.close()
    (folder / "plan").write_bytes(bytes(holes.plan.memory))
    program = [EMULATOR, "-L", ROOT_OF_LIBRARIES, str(stress)]
    command = [*program, str(folder / "plan"), str(holes.target), str(holes.original), str(FUNCTIONS), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_sixty_four_threads_that_fault_at_once_all_go_on(stress: Path, tmp_path: Path) -> None:
    done = run(stress, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 wrong, 0 closed\n", "")


def test_the_end_of_who_brings_pages_is_told_and_ends_the_process(stress: Path, tmp_path: Path) -> None:
    done = run(stress, tmp_path, "20")
    assert done.returncode != 0
    assert "the loader's process has ended" in done.stderr
    assert "wrong" not in done.stdout
