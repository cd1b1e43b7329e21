"""What the processes of an instance use, as the platform counts it: memory that it cannot drop, and processes with their threads.

Memory is what no file backs, and what is shared without a file: memory files (memfd_create), anonymous shared mappings, System V
segments. Pages of files on the instance's disk do not count, although that disk lies in memory here, and what processes share after
a fork counts once. The kernel has no numbers for that but those of each single mapping, which take milliseconds to add up. So
`read_usage` gives bounds, and `read_mapped` is for when they leave it open whether there is too much.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

_MEMFD = "/memfd:"
_SHARED = ("/dev/zero (deleted)", "/SYSV")  # how the kernel names anonymous shared mappings and System V segments


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What some processes use together."""

    tasks: int = 0  # processes and threads
    anonymous: int = 0  # bytes that no file backs; what is shared after a fork counts for each process
    shared: int = 0  # bytes of shared mappings, those of files on the instance's disk among them; likewise


def read_usage(pids: Iterable[int]) -> Usage:
    """Return what processes use; those that have ended use nothing."""
    tasks = anonymous = shared = 0
    for pid in pids:
        fields = {"Threads": 0, "RssAnon": 0, "RssShmem": 0}
        try:
            with Path(f"/proc/{pid}/status").open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if name in fields:
                        fields[name] = int(value.split()[0])
        except OSError:
            continue
        tasks += fields["Threads"]
        anonymous += fields["RssAnon"] * 1024
        shared += fields["RssShmem"] * 1024
    return Usage(tasks=tasks, anonymous=anonymous, shared=shared)


def open_memory_files(pids: Iterable[int]) -> dict[int, int]:
    """Return the bytes of the memory files that processes have open, by inode."""
    found: dict[int, int] = {}
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)  # noqa: PTH208 - thousands of them, several times a second
        except OSError:
            continue  # it has ended
        for name in names:
            try:
                if os.readlink(f"{folder}/{name}").startswith(_MEMFD):  # noqa: PTH115 - likewise
                    status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - likewise
                    found[status.st_ino] = status.st_blocks * 512
            except OSError:
                continue  # it was closed meanwhile
    return found


def read_mapped(pids: Iterable[int], *, counted: Iterable[int]) -> int:
    """Return the bytes that processes have mapped of what is backed by no file on a disk, each page counted once.

    Args:
        pids: the processes, and all that they share pages with.
        counted: the inodes of memory files to leave out.
    """
    known, total = set(counted), 0
    for pid in pids:
        try:
            with Path(f"/proc/{pid}/smaps").open(encoding="utf-8", errors="replace") as file:
                total += sum(_proportional(file, known))
        except OSError:
            continue  # it has ended
    return total


def _proportional(smaps: Iterable[str], known: Set[int]) -> Iterator[int]:
    """Return each mapping's bytes, shared pages divided by the number of processes that share them; proc_pid_smaps(5)."""
    resident = proportional = 0
    shared = False
    for line in smaps:
        name, *fields = line.split(maxsplit=5)
        if name == "Rss:":
            resident = int(fields[0]) * 1024
        elif name == "Pss:":
            proportional = int(fields[0]) * 1024
            if shared:
                yield proportional
        elif name == "Anonymous:" and not shared and resident:
            # Of a private mapping, the pages that no file backs; those are shared as its other pages are.
            yield int(fields[0]) * 1024 * proportional // resident
        elif not name.endswith(":"):  # the first line of a mapping
            path = fields[4].strip() if len(fields) > 4 else ""
            shared = path.startswith(_SHARED) or (path.startswith(_MEMFD) and int(fields[3]) not in known)
