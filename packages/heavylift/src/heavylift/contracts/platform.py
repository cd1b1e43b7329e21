"""Runtimes and limits of Function Compute, as the build and the constructs hold a function to them.

Sources: Function Compute, "Limits", "Create a function", "Built-in runtimes of Python" (pages of 2026-10), and the validators of
ros-cdk-fc 1.15.0. The embedded cloud keeps a table of its own; a test compares the two.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

MB = 1024**2  # bytes

MEMORY = range(128, 32768 + 1, 64)  # MB
CPU_SHARES = range(1, 320 + 1)  # of CPU_SHARE vCPU each
CPU_SHARE = 0.05  # vCPU
MB_PER_CPU = (1024, 4096)  # vCPU:GB from 1:1 to 1:4
DISKS = (512, 10240)  # MB
TIMEOUT = range(1, 86400 + 1)  # seconds a request may take
INITIALIZATION_TIMEOUT = range(1, 300 + 1)  # seconds a start may take
MINIMUM_INSTANCES = range(299 + 1)  # as ros-cdk-fc3 has it
MAX_CODE = 100 * MB  # bytes zipped, through the API; every region takes as much through OSS
MAX_ENVIRONMENT = 4096  # bytes, all names and values together
RESERVED_VARIABLES = ("FC_", "ALIBABA_CLOUD_")  # prefixes of the variables that the platform sets

# Of this environment: the embedded cloud can run it.
LOCAL_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_MANYLINUX = re.compile(r"manylinux_2_(\d+)_x86_64")


@dataclass(frozen=True, slots=True)
class Target:
    """The Python and the platform that archives are built for."""

    python: str  # "3.10"
    platform: str  # a wheel's platform tag: "manylinux_2_28_x86_64"

    @property
    def glibc(self) -> int:
        """The minor version of glibc 2 of the platform: 28."""
        return int(self.platform.split("_")[2])

    def __str__(self) -> str:
        return f"cp{self.python.replace('.', '')}-{self.platform}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """A built-in runtime."""

    name: str  # "python3.10"
    glibc: int  # minor version of glibc 2: 28
    context_credentials: bool  # whether the context that a handler gets holds them; the environment always does

    @property
    def target(self) -> Target:
        """The target that archives for this runtime are built for."""
        return Target(self.name.removeprefix("python"), f"manylinux_2_{self.glibc}_x86_64")

    def runs(self, target: Target) -> bool:
        """Return whether archives that were built for a target work on it."""
        match = _MANYLINUX.fullmatch(target.platform)
        return target.python == self.target.python and match is not None and int(match[1]) <= self.glibc


RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime(name="python3.10", glibc=28, context_credentials=True),  # Debian 10
        Runtime(name="python3.12", glibc=31, context_credentials=False),  # Debian 11
    )
}
# What travels with a function runs on the runtimes' Pythons, and on later ones.
OLDEST_PYTHON = min(
    (runtime.target.python for runtime in RUNTIMES.values()), key=lambda python: int(python.split(".")[1])
)
# Wheels for the oldest C library run on the newer ones as well.
DEFAULT_PLATFORM = min(RUNTIMES.values(), key=lambda runtime: runtime.glibc).target.platform
