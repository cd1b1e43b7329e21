"""The function's side of libraries that are loaded by pages: opens their code when it is executed, and all of it in the end.

`heavylift.runtime.paging` is the other side. What this costs, ctypes above all, only a start pays that has such libraries.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
from typing import TYPE_CHECKING

from heavylift.contracts.failures import LoadError
from heavylift.runtime.settings import read_settings

if TYPE_CHECKING:
    from heavylift.runtime.pages import Faults, Helper

# Descriptors of the worker: of the plan's memory, and of the socket on which pages are asked for.
MEMORY, CHANNEL = 3, 4
_PARTIAL, _PRELOAD = "HEAVYLIFT_PARTIAL", "LD_PRELOAD"  # variables of programs that C code starts; see pages.c
_ABOVE = 10  # descriptors that the worker's own do not replace while it is started

_used = False  # a process has one plan in its life


class Opening:
    """The memory and the socket that both processes share, and the handler in this one."""

    def __init__(self) -> None:
        global _used
        _used = True
        memory = os.memfd_create("heavylift-pages")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.memory = fcntl.fcntl(memory, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        self.served = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        os.close(memory)
        theirs.close()
        self._channel = ours
        self._helper: Helper | None = None
        self._view: mmap.mmap | None = None
        self._preload = ""
        self._arrived = False

    def let_go(self) -> None:
        """Close the worker's end, now that it has it: the socket ends with the worker."""
        os.close(self.served)
        self.served = -1

    def begin(self) -> None:
        """Put the handler in: the plan is made, and no library is loaded yet.

        Raises:
            LoadError: that cannot be.
        """
        from heavylift.runtime.pages import find_helper

        helper = find_helper()
        if helper is None:
            raise LoadError(
                "the helper that opens libraries' code cannot be loaded, though the loader's process could; set the function's "
                "load mode to whole"
            )
        self._view = mmap.mmap(self.memory, 0)
        try:
            helper.attach(self._view, self._channel.fileno())
            helper.install()
        except OSError as error:
            raise LoadError(
                f"no handler can be put in for SIGSEGV: {error.strerror}; set `LoadMode` to whole"
            ) from error
        self._helper = helper

    def hold_up(self) -> None:
        """Make programs that C code starts by itself wait until all is there."""
        from heavylift.runtime.pages import find_helper

        helper = find_helper()
        if helper is None or ":" in helper.path or " " in helper.path:
            return  # ld.so(8) separates names by these
        self._preload = path = helper.path
        os.environ[_PARTIAL] = os.path.realpath(read_settings(os.environ).applib)
        os.environ[_PRELOAD] = ":".join(filter(None, (path, os.environ.get(_PRELOAD))))

    def _let_run(self) -> None:
        if self._preload:
            left = [each for each in os.environ.get(_PRELOAD, "").split(":") if each != self._preload]
            os.environ.pop(_PARTIAL, None)
            os.environ.pop(_PRELOAD, None)
            if any(left):
                os.environ[_PRELOAD] = ":".join(left)
            self._preload = ""

    def look_after(self) -> None:
        """Put the handler above one that was installed after it."""
        if self._helper:
            self._helper.look_after()

    def open_all(self) -> None:
        """Open everything that is mapped: all has arrived. The handler stays: a library may be on its way into memory."""
        self._arrived = True
        if self._helper:
            self._helper.open_all()

    def end(self) -> None:
        """Take the handler out."""
        self._let_run()
        if self._helper and self._helper.open_all() == 0:
            self._helper.remove()
            self._helper = None

    def close(self) -> None:
        """Let go of what is not needed when nothing more comes, or ever will: the handler then says so."""
        if not self._arrived:  # a start has failed; otherwise a request's thread does it, not one beside requests
            self._let_run()
        os.close(self.memory)

    def faults(self) -> Faults | None:
        """Return the faults so far; None when nothing is loaded by pages."""
        if self._view is None:
            return None
        from heavylift.runtime.pages import faults

        return faults(self._view)


def prepare_opening() -> Opening | None:
    """Return the function's side of a load by pages; None where there can be none: files come whole then."""
    return Opening() if not _used and hasattr(os, "memfd_create") else None
