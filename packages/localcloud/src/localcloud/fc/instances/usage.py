"""The use of an instance's processes, as the platform counts it: memory that it cannot drop, and processes with their threads.

Memory is what no file backs, and what is shared without a file: memory files (memfd_create), anonymous shared mappings, System V
segments. Pages of files on the instance's disk do not count, although that disk lies in memory here, and what processes share after
a fork counts once. The kernel has no number for that. `read_usage` gives bounds at little cost; the others are for when these
leave it open whether there is too much.

A function names its processes and files as it likes. Of the bytes in such a name the kernel escapes the line feed and nothing
else that Unicode or ASCII takes for the end of a line, so these files are read as bytes, and a line ends at a line feed only.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MEMFD = b"/memfd:"
_SHARED = (b"/dev/zero (deleted)", b"/SYSV")  # how the kernel names anonymous shared mappings and System V segments
_KCMP = {"x86_64": 312, "aarch64": 272}.get(os.uname().machine)  # number of the call (asm/unistd.h); None: not known
_KCMP_FILES = 2  # linux/kcmp.h
_libc = ctypes.CDLL(None)
_LISTS_CHILDREN = os.path.exists("/proc/thread-self/children")  # noqa: PTH110 - like its neighbours; CONFIG_PROC_CHILDREN
# What says that a process or its file has ended, or that it is not ours to look at (a program that changes its user, where there is
# no sandbox). Anything else is a failure to look.
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """The use of some processes together."""

    tasks: int = 0  # processes and threads
    anonymous: int = 0  # bytes that no file backs; what is shared after a fork counts for each process
    shared: int = 0  # bytes of shared mappings, those of files on the instance's disk among them; likewise


def find_tree(root: int) -> list[int]:
    """Return the ids of a process and of all below it, in one pass over the processes of this machine."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - a thousand of them, several times a second
        if name.isdecimal():
            try:
                file = os.open(f"/proc/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except _GONE:
                continue
            try:
                start = os.read(file, 512)  # the name, however it is escaped, and what follows it
            except _GONE:
                continue
            finally:
                os.close(file)
            children.setdefault(int(start.rpartition(b")")[2].split(maxsplit=2)[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found


def list_tree(root: int) -> list[int]:
    """Return the ids of a process and of all below it, as the kernel lists children (proc(5), `/proc/PID/task/TID/children`).

    What else runs on this machine costs nothing here. But one may be missing while a sibling of its ends: whoever must find all
    of them looks for them with `find_tree`, as this does where the kernel has no such lists.
    """
    if not _LISTS_CHILDREN:
        return find_tree(root)
    found = [root]
    for pid in found:
        for thread in _list(f"/proc/{pid}/task"):
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children", b" "))
    return found


def are_all(pids: Sequence[int]) -> bool:
    """Return True if these processes, of which the first is outside, are all that there are in a sandbox.

    The sandbox has a PID namespace of its own, and a `/proc` that shows all of that. It is looked at first: if as many were there,
    and none of these has ended since, they are the same.
    """
    if len(pids) < 2:
        return False
    there = [name for name in _list(f"/proc/{pids[1]}/root/proc") if name.isdecimal()]
    return len(there) == len(pids) - 1 and all(os.path.exists(f"/proc/{pid}") for pid in pids)  # noqa: PTH110 - as below


def find_folder(pid: int) -> str:
    """Return the folder below /proc that tells the use of a process: its own, or that of one of its threads.

    When the first thread of a process has ended, its own folder tells nothing, although the others go on.
    """
    folder = f"/proc/{pid}"
    if not os.path.exists(f"{folder}/root"):  # noqa: PTH110 - a thousand of them, several times a second
        for thread in _list(f"{folder}/task"):
            if os.path.exists(f"{folder}/task/{thread}/root"):  # noqa: PTH110 - likewise
                return f"{folder}/task/{thread}"
    return folder


def read_usage(pids: Iterable[int]) -> Usage:
    """Return the use of processes; those that have ended use nothing."""
    tasks = anonymous = shared = 0
    for pid in pids:
        for line in _read(f"{find_folder(pid)}/status"):
            name, _, value = line.partition(b":")
            if name == b"Threads":
                tasks += int(value)
            elif name == b"RssAnon":
                anonymous += int(value.split()[0]) * 1024
            elif name == b"RssShmem":
                shared += int(value.split()[0]) * 1024
    return Usage(tasks=tasks, anonymous=anonymous, shared=shared)


def open_memory_files(pids: Iterable[int]) -> dict[int, int]:
    """Return the bytes of the memory files that processes have open, by inode."""
    found: dict[int, int] = {}
    for folder in (folder for pid in pids for folder in _descriptors(pid)):
        for name in _list(folder):
            try:
                if os.readlink(os.fsencode(f"{folder}/{name}")).startswith(_MEMFD):  # noqa: PTH115 - likewise
                    status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - likewise
                    found[status.st_ino] = status.st_blocks * 512
            except OSError:
                continue  # it was closed meanwhile, or its path is too long for a memory file's
    return found


def _descriptors(pid: int) -> Iterator[str]:
    """Yield the folders that list a process's descriptors: one, and one of each thread that has descriptors of its own."""
    for thread in _list(f"/proc/{pid}/task"):
        if thread == str(pid) or not _share_descriptors(pid, int(thread)):
            yield f"/proc/{pid}/task/{thread}/fd"


def _share_descriptors(first: int, second: int) -> bool:
    """Return whether two threads are known to have the same descriptors (kcmp(2)): a look at each one's would take far longer."""
    return _KCMP is not None and _libc.syscall(_KCMP, first, second, _KCMP_FILES, 0, 0) == 0


def read_proportional(pids: Iterable[int]) -> Usage:
    """Return the use of processes with each page that they share counted once (Linux 5.3 and later); takes longer."""
    anonymous = shared = 0
    for pid in pids:
        for line in _read(f"{find_folder(pid)}/smaps_rollup"):
            name, _, value = line.partition(b":")
            if name == b"Pss_Anon":
                anonymous += int(value.split()[0]) * 1024
            elif name == b"Pss_Shmem":
                shared += int(value.split()[0]) * 1024
    return Usage(anonymous=anonymous, shared=shared)


def read_shared(pids: Iterable[int], *, counted: Iterable[int]) -> int:
    """Return the bytes of mapped memory that is shared without a file on a disk; takes milliseconds for each process.

    Args:
        pids: the processes.
        counted: the inodes of memory files to leave out.
    """
    known, total = set(counted), 0
    for pid in pids:
        shared = False
        for line in _read(f"{find_folder(pid)}/smaps"):
            name, *fields = line.split(maxsplit=5)
            if name == b"Pss:":
                total += int(fields[0]) * 1024 if shared else 0
            elif not name.endswith(b":"):  # the first line of a mapping
                path = fields[4] if len(fields) > 4 else b""
                shared = path.startswith(_SHARED) or (path.startswith(_MEMFD) and int(fields[3]) not in known)
    return total


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - thousands of them, several times a second
    except _GONE:
        return []


def _read(path: str, ending: bytes = b"\n") -> list[bytes]:
    try:
        return Path(path).read_bytes().split(ending)[:-1]
    except _GONE:
        return []
