"""Where an instance runs: what it sees as /code and /tmp, and what it cannot see.

`Sandbox` uses bubblewrap: a process tree of its own with read-only system folders, its own `/code`, and a `/tmp` of the function's
disk size, so that a full disk is a real ENOSPC. Where bubblewrap is missing or not permitted, `Folder` gives each instance a folder
of its own instead: paths under `/tmp` in its environment are moved there, and disk use is watched rather than bounded.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localcloud.fc.interpreters import Interpreter
from localcloud.gateway import redirect

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
logger = logging.getLogger(__name__)
TMP = "/tmp"  # noqa: S108 - as the function sees it; what lies behind it is the instance's own
REDIRECT = Path(redirect.__file__)
PRELOAD = REDIRECT.with_name("preload")  # what the Python programs that a function starts are redirected by
INSIDE = "/var/fc/runtime"
# What programs expect to find in /etc; the rest of the host's stays out of sight. Without resolv.conf no name of the world outside
# resolves: whatever an instance does, it cannot reach a real account.
ETC = ("ssl", "ca-certificates", "hosts", "nsswitch.conf", "passwd", "group", "localtime", "mime.types")


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to start an instance's process."""

    command: Sequence[str]  # to which the bootstrap's arguments are appended
    environment: Mapping[str, str]
    folder: Path  # the working folder to start it in
    packages: str  # the folder of the runtime's built-in packages, as the function sees it
    note: str | None  # what isolation is missing, for the log


class Isolation(Protocol):
    """One way to keep instances apart."""

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], disk: int
    ) -> Launch:
        """Return how to start an instance.

        Args:
            folder: an empty folder of the instance's own, removed after it.
            code: the unpacked code package.
            interpreter: the Python to run, and the packages that its runtime has built in.
            environment: the environment as the platform gives it, with paths as the function sees them.
            disk: size of the instance's disk in MB.
        """

    def disk_used(self, folder: Path, pid: int) -> int:
        """Return the bytes on an instance's disk; 0 after its end.

        Args:
            folder: the instance's folder.
            pid: of its process.
        """


class Sandbox:
    """Isolation by bubblewrap."""

    def __init__(self, bwrap: str) -> None:
        self._bwrap = bwrap

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], disk: int
    ) -> Launch:
        """See `Isolation.prepare`."""
        command = [
            self._bwrap,
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--die-with-parent",
            "--cap-drop",
            "ALL",
        ]
        command += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr"]
        for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
            path = Path(name)
            if path.is_symlink():
                command += ["--symlink", str(path.readlink()), name]
            elif path.exists():
                command += ["--ro-bind", name, name]
        for name in (*ETC, "ld.so.cache"):
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        prefix = interpreter.path.parent.parent
        if not prefix.is_relative_to("/usr"):
            command += ["--ro-bind", str(prefix), str(prefix)]
        command += ["--ro-bind", str(code), "/code"]
        runtime = [f"{INSIDE}/{file.name}" for file in (BOOTSTRAP, REDIRECT)]
        for file, inside in zip((BOOTSTRAP, REDIRECT), runtime, strict=True):
            command += ["--ro-bind", str(file), inside]
        command += ["--ro-bind", str(PRELOAD), f"{INSIDE}/{PRELOAD.name}"]
        packages = f"{INSIDE}/packages"
        for name, path in interpreter.packages.items():
            command += ["--ro-bind", str(path), f"{packages}/{name}"]
        command += ["--size", str(disk * 1024 * 1024), "--tmpfs", TMP]
        command += ["--chdir", "/code", str(interpreter.path), "-I", "-S", *runtime]
        return Launch(command=command, environment=environment, folder=folder, packages=packages, note=None)

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        try:
            status = os.statvfs(f"/proc/{pid}/root/tmp")
        except OSError:
            return 0  # it has ended
        return (status.f_blocks - status.f_bfree) * status.f_frsize


class Folder:
    """Isolation by nothing more than a folder for each instance."""

    def __init__(self, why: str) -> None:
        self._note = (
            f"{why}: the instance shares this machine's file system; its /code and /tmp are folders of its own, and its disk is "
            "watched, not bounded"
        )
        logger.warning(self._note)

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], disk: int
    ) -> Launch:
        """See `Isolation.prepare`."""
        temporary, packages = folder / "tmp", folder / "packages"
        for each in (temporary, packages):
            each.mkdir()
        for name, path in interpreter.packages.items():
            (packages / name).symlink_to(path)
        moved = {name: _move(value, temporary) for name, value in environment.items()}
        moved |= {"FC_FUNC_CODE_PATH": str(code), "TMPDIR": str(temporary)}
        return Launch(
            # bubblewrap ends an instance with the platform; here the kernel is asked to
            command=[
                *("setpriv", "--pdeathsig", "KILL", str(interpreter.path), "-I", "-S"),
                *(str(BOOTSTRAP), str(REDIRECT)),
            ],
            environment=moved,
            folder=code,
            packages=str(packages),
            note=self._note,
        )

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        used = 0
        for parent, _, names in os.walk(folder):
            for name in names:
                try:
                    used += os.lstat(Path(parent) / name).st_blocks * 512
                except FileNotFoundError:
                    continue  # it was removed meanwhile
        return used


def _move(value: str, temporary: Path) -> str:
    path = Path(value)
    return str(temporary / path.relative_to(TMP)) if path.is_relative_to(TMP) else value


@functools.cache
def choose_isolation() -> Isolation:
    """Return the best isolation that this machine permits; tried once, for real."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Folder("bubblewrap is not installed (Debian package `bubblewrap`)")
    options = ["--unshare-pid", "--ro-bind", "/", "/", "--size", "65536", "--tmpfs", TMP, "--proc", "/proc"]
    trial = subprocess.run([bwrap, *options, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        return Folder(f"bubblewrap is not permitted here ({trial.stderr.strip()})")
    return Sandbox(bwrap)
