"""Runtimes and limits of the platform: the build's and the embedded cloud's tables say the same."""

from __future__ import annotations

import pytest

from heavylift.contracts import platform
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target
from localcloud.fc import platform as embedded
from localcloud.fc.errors import FcError
from localcloud.fc.model import Function
from localcloud.fc.operations.rules import check_function

SHARED = (
    "MEMORY",
    "DISKS",
    "CPU_SHARE",
    "CPU_SHARES",
    "MB_PER_CPU",
    "TIMEOUT",
    "INITIALIZATION_TIMEOUT",
    "MAX_ENVIRONMENT",
)


@pytest.mark.parametrize("limit", SHARED)
def test_the_embedded_cloud_holds_functions_to_the_same_limits(limit: str) -> None:
    assert getattr(platform, limit) == getattr(embedded, limit)


def test_a_code_package_that_the_build_takes_is_taken_through_the_api() -> None:
    assert platform.MAX_CODE == embedded.MAX_CODE_API


@pytest.mark.parametrize(("memory", "cpu"), [(1024, 1.0), (4096, 1.0), (128, 0.05), (32768, 16.0), (3072, 2.0)])
def test_the_embedded_cloud_takes_every_cpu_that_the_constructs_take(memory: int, cpu: float) -> None:
    for share in (cpu, cpu + platform.CPU_SHARE):
        low, high = (int(share * each) for each in platform.MB_PER_CPU)
        allowed = round(share / platform.CPU_SHARE) in platform.CPU_SHARES and low <= memory <= high
        function = Function(
            service="", name="f", runtime="python3.10", handler="a.b", memory=memory, cpu=share, code="c"
        )
        try:
            check_function(function)
        except FcError:
            assert not allowed
        else:
            assert allowed


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_embedded_cloud_has_every_runtime_as_the_build_knows_it(name: str) -> None:
    own, other = RUNTIMES[name], embedded.RUNTIMES[name]
    assert (own.name, own.glibc, own.context_credentials) == (other.name, other.glibc, other.context_credentials)


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
