"""The supervisor of an instance that no sandbox holds together: all processes that it starts are found, and end with it.

`python -I -S supervisor.py COMMAND…` runs a command and ends when it ends. A process that was made to outlive its parent (a
daemon) becomes a child of this one, so that the whole instance is one tree; at the end, or on SIGTERM, all of it is killed.
Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def main() -> int:
    """Run the command and return its exit code."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    command = subprocess.Popen(sys.argv[1:], close_fds=False)
    try:
        while True:
            pid, status = os.wait()  # daemons that end are reaped on the way
            if pid == command.pid:
                return os.waitstatus_to_exitcode(status)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_children()


def end_children() -> None:
    """Kill all children, and those whose parents that ends, until there are none."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the ids of the processes whose parent is this one."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                stat = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has ended
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(main())
