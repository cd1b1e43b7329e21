"""Runtimes and limits of the platform: the build's and the embedded cloud's tables say the same."""

from __future__ import annotations

import pytest

from heavylift.contracts import platform
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target
from localcloud.fc import model
from localcloud.fc.errors import FcError


def test_the_embedded_cloud_holds_functions_to_the_same_limits() -> None:
    assert platform.MEMORY == model.MEMORY
    assert platform.DISKS == model.DISKS
    assert platform.TIMEOUT[-1] == model.MAX_TIMEOUT
    assert platform.INITIALIZATION_TIMEOUT[-1] == model.MAX_INITIALIZATION_TIMEOUT
    assert platform.MAX_CODE == model.MAX_CODE_API
    assert platform.MAX_ENVIRONMENT == model.MAX_ENVIRONMENT


@pytest.mark.parametrize(("memory", "cpu"), [(1024, 1.0), (4096, 1.0), (128, 0.05), (32768, 16.0), (3072, 2.0)])
def test_the_embedded_cloud_takes_every_cpu_that_the_constructs_take(memory: int, cpu: float) -> None:
    for share in (cpu, cpu + platform.CPU_SHARE):
        low, high = (int(share * each) for each in platform.MB_PER_CPU)
        allowed = round(share / platform.CPU_SHARE) in platform.CPU_SHARES and low <= memory <= high
        function = model.Function(
            service="", name="f", runtime="python3.10", handler="a.b", memory=memory, cpu=share, code="c"
        )
        try:
            model.check_function(function)
        except FcError:
            assert not allowed
        else:
            assert allowed


def test_the_embedded_cloud_has_every_runtime() -> None:
    assert set(RUNTIMES) <= set(model.RUNTIMES)
    assert list(RUNTIMES) == [runtime.name for runtime in RUNTIMES.values()]


@pytest.mark.parametrize(
    ("python", "tag", "runs"),
    [
        ("3.10", "manylinux_2_28_x86_64", True),
        ("3.10", "manylinux_2_17_x86_64", True),
        ("3.10", "manylinux_2_31_x86_64", False),
        ("3.10", "manylinux_2_28_aarch64", False),
        ("3.10", "any", False),
        ("3.12", "manylinux_2_28_x86_64", False),
    ],
)
def test_a_runtime_runs_what_was_built_for_its_python_and_no_newer_c_library(python: str, tag: str, runs: bool) -> None:
    assert RUNTIMES["python3.10"].runs(Target(python, tag)) is runs


def test_wheels_are_chosen_for_the_oldest_c_library() -> None:
    assert DEFAULT_PLATFORM == "manylinux_2_28_x86_64"
    assert all(runtime.runs(Target(runtime.target.python, DEFAULT_PLATFORM)) for runtime in RUNTIMES.values())
