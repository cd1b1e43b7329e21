"""What a build is for: a Python version and a platform; and which interpreters can serve it."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.errors import BuildError
from localcloud.interpreters import find_python

LOCAL_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# The oldest C library of the cloud's runtimes (python3.10 runs on Debian 10); wheels for it run on newer ones as well.
DEFAULT_PLATFORM = "manylinux_2_28_x86_64"


@dataclass(frozen=True, slots=True)
class Target:
    """Where what is built will run."""

    python: str  # "3.10"
    platform: str  # a wheel's platform tag: "manylinux_2_28_x86_64"

    def __str__(self) -> str:
        return f"cp{self.python.replace('.', '')}-{self.platform}"

    @property
    def uv_platform(self) -> str:
        """The platform as uv names it: `x86_64-manylinux_2_28`."""
        match = re.fullmatch(r"(manylinux_\d+_\d+)_(x86_64|aarch64)", self.platform)
        if not match:
            raise BuildError(f"--platform {self.platform}: expected a tag like {DEFAULT_PLATFORM}")
        return f"{match[2]}-{match[1]}"

    @property
    def runs_here(self) -> bool:
        """Whether this machine can run what is built."""
        glibc = tuple(int(part) for part in platform.libc_ver()[1].split(".") if part.isdecimal())
        wanted = tuple(int(part) for part in self.platform.split("_")[1:3])
        return self.platform.endswith(platform.machine()) and glibc >= wanted

    @property
    def unrunnable(self) -> str:
        """Why what is built does not run here, for a message."""
        return f"there is no Python {self.python} here" if self.runs_here else f"this machine does not run {self}"


def uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the uv of this environment.

    Raises:
        BuildError: uv failed; the message holds its last words.
    """
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise BuildError(f"`uv {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
    return done


def find_interpreter(target: Target) -> Path | None:
    """Return an interpreter of the target's version, outside any virtual environment; None when there is none.

    It is found as the embedded cloud finds it, by the same function: what a build was tried with is what runs it there.
    """
    return find_python(f"python{target.python}")


def install_interpreter(target: Target) -> bool:
    """Try to install an interpreter of the target's version where there is none; return whether there is a new one."""
    if find_interpreter(target):
        return False
    uv("python", "install", target.python, check=False)
    return find_interpreter(target) is not None
