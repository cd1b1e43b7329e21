"""The meter of one instance: how much of its memory, disk and processes it uses, and which of its limits that exceeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.instances.launch import Isolation
from localcloud.fc.instances.usage import open_memory_files, read_proportional, read_shared, read_usage
from localcloud.fc.model import EndReason, Function
from localcloud.fc.platform import MAX_TASKS, MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """The use of an instance at one time."""

    memory: int  # bytes
    disk: int  # bytes
    tasks: int  # processes and threads


class Meter:
    """Measures one instance and remembers its peaks.

    Args:
        function: names the limits.
        isolation: how the instance is kept apart.
        folder: of the instance.
    """

    def __init__(self, function: Function, *, isolation: Isolation, folder: Path) -> None:
        self.disk = 0  # bytes
        self.peak_memory = 0  # bytes
        self.peak_disk = 0  # bytes
        self._memory_limit, self._disk_limit = function.memory * MB, function.disk * MB
        self._isolation = isolation
        self._folder = folder

    def read(self, pids: list[int], pid: int | None) -> Use:
        """Measure the instance.

        Args:
            pids: its processes.
            pid: that of its bootstrap; None: not known yet.

        Raises:
            OSError: it cannot be told.
        """
        usage, memory_files = read_usage(pids), open_memory_files(pids)
        kept = sum(memory_files.values())
        if pid:
            kept += self._isolation.shared_memory_used(pid)
            self.disk = self._isolation.disk_used(self._folder, pid)
        memory = usage.anonymous + kept
        if memory + usage.shared > self._memory_limit:
            exact = read_proportional(pids)
            memory = exact.anonymous + kept
            if memory <= self._memory_limit < memory + exact.shared:
                memory += read_shared(pids, counted=memory_files)
        self.peak_memory = max(self.peak_memory, memory)
        self.peak_disk = max(self.peak_disk, self.disk)
        return Use(memory=memory, disk=self.disk, tasks=usage.tasks)

    def exceeded(self, use: Use, *, bounds_processes: bool) -> EndReason | None:
        """Return the limit that a use exceeds; None: none.

        Args:
            use: the use.
            bounds_processes: the kernel keeps the instance to its processes.
        """
        if use.memory > self._memory_limit:
            return EndReason.MEMORY
        if use.disk > self._disk_limit:
            return EndReason.DISK
        if use.tasks > MAX_TASKS and not bounds_processes:
            return EndReason.PROCESSES
        return None
