"""The vCPU of an instance, kept by a control group with a CFS quota, as the platform keeps it.

Control groups of version 2 (`cpu.max`) and of version 1 (`cpu.cfs_quota_us`) will do. Either needs a group that this process may
divide: root has one, most others have none. The groups lie side by side, named after the process that made them, so that the next
one can remove what a killed one left.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.model import Function
from localcloud.fc.platform import CPU_SHARE, IMPLIED_MB_PER_CPU
from localcloud.kernel.errors import LocalCloudError

PERIOD = 100_000  # microseconds; the kernel's own
PATIENCE = 5.0  # seconds in which the killed processes of a group should have ended
ROOT, SELF = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
PREFIX = "localcloud-"
# The shell enters the group before it becomes the instance: whatever the instance starts is in it from its first instruction.
ENTER = 'echo "$$" > "$0" && exec "$@"'
logger = logging.getLogger(__name__)


def vcpus(function: Function) -> float:
    """Return the vCPU of a function's instances: those that it asks for, else those that its memory implies."""
    if function.cpu is not None:
        return function.cpu
    shares = max(round(function.memory / IMPLIED_MB_PER_CPU / CPU_SHARE), 1)
    return round(shares * CPU_SHARE, 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class CpuGroup:
    """A control group for one instance."""

    folder: Path

    def enter(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs another one inside of the group."""
        return ["/bin/sh", "-c", ENTER, str(self.folder / "cgroup.procs"), *command]

    def remove(self) -> None:
        """Remove the group, whose processes have been killed."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError as error:  # a process that was killed may take a moment to end
                if time.monotonic() > end:
                    logger.warning("the control group %s stays: %s", self.folder, error.strerror)
                    return
                time.sleep(0.01)
            else:
                return


class CpuGroups:
    """Makes the groups of one embedded cloud; see `open_cpu_groups`.

    Args:
        parent: the control group that is divided.
        limit: writes a group's vCPU into its folder.
    """

    def __init__(self, parent: Path, limit: Callable[[Path, float], None]) -> None:
        self.parent = parent
        self._limit = limit

    def create(self, name: str, cpu: float) -> CpuGroup:
        """Make a group whose processes share so many vCPU."""
        group = CpuGroup(folder=self.parent / f"{PREFIX}{os.getpid()}-{name}")
        group.folder.mkdir()
        try:
            self._limit(group.folder, cpu)
        except OSError:
            group.remove()
            raise
        return group

    def close(self) -> None:
        """Remove the groups that are left, and those of embedded clouds that were killed."""
        for folder in self.parent.glob(f"{PREFIX}*"):
            owner = re.match(rf"{PREFIX}(\d+)-", folder.name)
            if owner and int(owner[1]) == os.getpid():
                CpuGroup(folder=folder).remove()
            elif owner and not Path("/proc", owner[1]).exists():
                with contextlib.suppress(OSError):  # whoever still runs in it keeps it
                    folder.rmdir()


def open_cpu_groups(root: Path = ROOT, own: Path = SELF) -> CpuGroups:
    """Find a control group that this process may divide, and try it.

    Args:
        root: where control groups are mounted.
        own: the file that names the groups of this process.

    Raises:
        LocalCloudError: there is none; the message tells what was tried.
    """
    tried = []
    for parent, prepare, limit in _candidates(root, own):
        groups = CpuGroups(parent, limit)
        try:
            prepare(parent)
            groups.close()
            _try(groups)
        except OSError as error:
            tried.append(f"{parent}: {error.strerror or error}")
        else:
            return groups
    raise LocalCloudError(
        "--fc-limit-cpu needs a control group with the cpu controller that this process may write to "
        f"({'; '.join(tried) or f'{root} has none'}); run it as root, or leave --fc-limit-cpu out"
    )


def _candidates(root: Path, own: Path) -> Iterator[tuple[Path, Callable[[Path], None], Callable[[Path, float], None]]]:
    """Return the groups that may be divided, this process's own one first, then those above it; version 2 before version 1."""
    paths: dict[str, str] = {}  # by controller; "" for version 2
    with contextlib.suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            paths |= dict.fromkeys(controllers.split(","), path)
    for parent in _upwards(root, paths.get("", "/")):
        with contextlib.suppress(OSError):
            if "cpu" in (parent / "cgroup.controllers").read_text(encoding="utf-8").split():
                yield parent, _divide_v2, _limit_v2
    for mount in (root / "cpu", root / "cpu,cpuacct"):
        if (mount / "cgroup.procs").exists():
            for parent in _upwards(mount, paths.get("cpu", "/")):
                yield parent, lambda _: None, _limit_v1


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Return a group and those above it, as far as they are visible: a container may see its own part only."""
    inner = mount / path.strip("/")
    for folder in (inner, *inner.parents):
        if folder.is_dir() and folder.is_relative_to(mount):
            yield folder


def _divide_v2(parent: Path) -> None:
    control = parent / "cgroup.subtree_control"
    if "cpu" not in control.read_text(encoding="utf-8").split():
        control.write_text("+cpu", encoding="utf-8")


def _limit_v2(folder: Path, cpu: float) -> None:
    (folder / "cpu.max").write_text(f"{_quota(cpu)} {PERIOD}", encoding="utf-8")


def _limit_v1(folder: Path, cpu: float) -> None:
    (folder / "cpu.cfs_period_us").write_text(str(PERIOD), encoding="utf-8")
    (folder / "cpu.cfs_quota_us").write_text(str(_quota(cpu)), encoding="utf-8")


def _quota(cpu: float) -> int:
    return round(cpu * PERIOD)


def _try(groups: CpuGroups) -> None:
    """Run a process in a group, for real: folders that may be made do not mean that processes may enter."""
    group = groups.create("trial", 1.0)
    try:
        done = subprocess.run(group.enter(["true"]), capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip())
    finally:
        group.remove()
