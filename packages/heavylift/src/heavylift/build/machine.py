"""The machine that builds: finds or installs the interpreter that runs a target's archives here."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

from heavylift.build.errors import BuildError
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, RUNTIMES, Target
from localcloud.interpreters import find_python

ENCLOSED = (
    "\nWithin `heavylift local` there is the embedded cloud, and no package registry: build before, or say `heavylift local "
    "--allow-network …`"
)
OFFLINE = (
    "\nThe package registry does not answer: check the network, or name another one in the requirements (`--index-url`)"
)


def uv_platform(target: Target) -> str:
    """Return the platform as uv names it: `x86_64-manylinux_2_28`.

    Raises:
        BuildError: the platform is no tag that a build can be made for.
    """
    match = re.fullmatch(r"(manylinux_\d+_\d+)_(x86_64|aarch64)", target.platform)
    if not match:
        raise BuildError(f"--platform {target.platform}: expected a tag like {DEFAULT_PLATFORM}")
    return f"{match[2]}-{match[1]}"


def runs_here(target: Target) -> bool:
    """Return whether this machine can run archives that were built for a target, given its Python."""
    glibc = tuple(int(part) for part in platform.libc_ver()[1].split(".") if part.isdecimal())
    wanted = tuple(int(part) for part in target.platform.split("_")[1:3])
    return target.platform.endswith(platform.machine()) and glibc >= wanted


def why_not_here(target: Target) -> str:
    """Return the reason, for a message, why archives that were built for a target do not run here."""
    return f"there is no Python {target.python} here" if runs_here(target) else f"this machine does not run {target}"


def uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the uv of this environment. It brings no Python unless it is told to install one.

    Raises:
        BuildError: uv failed; the message holds its last words.
    """
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    # Otherwise a resolution asks for a Python that it has no use for.
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "manual"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if check and done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith("warning:")]
        reason = "\n".join(said).strip() or done.stderr.strip() or ended(done.returncode)
        advice = ENCLOSED if _trusts_embedded_cloud_alone() else OFFLINE
        raise BuildError(
            f"`uv {' '.join(arguments[:2])}` failed: {reason}{advice if 'Failed to fetch' in reason else ''}"
        )
    return done


def ended(code: int) -> str:
    """Return how a process ended that said nothing: by a signal, such as one for a file over the limit, or with an exit code."""
    return f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it said nothing (exit code {code})"


def _trusts_embedded_cloud_alone() -> bool:
    authority = os.environ.get("LOCALCLOUD_AUTHORITY")
    return authority is not None and os.environ.get("SSL_CERT_FILE") == authority


def find_interpreter(target: Target) -> Path | None:
    """Return an interpreter of the target's version, outside any virtual environment; None when there is none.

    It is found as the embedded cloud finds it, by the same function: what a build was tried with is what runs it there.
    """
    return find_python(f"python{target.python}")


def install_interpreter(target: Target) -> bool:
    """Install an interpreter of the target's version where there is none; return whether that brought one."""
    if find_interpreter(target):
        return False
    uv("python", "install", target.python, check=False)
    return find_interpreter(target) is not None


def default_python(runtime: str) -> str:
    """Return the Python to build for by default: the runtime's, as a region has it, or this environment's where it is not here.

    Args:
        runtime: such as python3.10.
    """
    wanted = RUNTIMES[runtime].target
    return wanted.python if find_interpreter(wanted) else LOCAL_PYTHON
