"""Holds back the readers of a file of the applib until that file is there: imports run while the rest is on its way.

All files have their names and sizes before the first import, so listings and `stat` never mislead. What is missing is
content. Python tells of each file that it is about to open or link in an audit event (PEP 578), and here such an event waits.
What code opens or links by itself, without telling Python, lies before that code in the archive: the build sees to that,
and a file counts as there only when all before it are. A child process could open anything: it waits for everything, unless it is
one of those that tell about the system alone: `platform.processor()`, which many imports end up in, runs `uname -p`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from heavylift.contracts.failures import LoadError
from heavylift.runtime.background import Background

# Event, and where in its arguments the path is; None for a new process. docs.python.org/3/library/audit_events.html
_EVENTS = {"open": 0, "import": 1, "ctypes.dlopen": 0} | dict.fromkeys(
    ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.exec", "os.system", "pty.spawn")
)
_BYSTANDERS = (("uname",), ("/sbin/ldconfig",))  # what the standard library's `platform` and `ctypes.util` run

_gate: _Gate | None = None
_hooked = False


class StartStopped(BaseException):
    """A file that an import needs will never come. Not an `Exception`: no module may take it for an optional one's absence."""


class _Gate:
    def __init__(self, background: Background, applib: str) -> None:
        self._background = background
        self._prefix = f"{applib}/"
        self._real_prefix = f"{os.path.realpath(applib)}/"

    def check(self, event: str, arguments: tuple[object, ...]) -> None:
        place = _EVENTS[event]
        try:
            if place is None:
                if arguments[:1] not in _BYSTANDERS:
                    self._background.wait_for_all()
            else:
                self._background.look_after()  # modules install handlers when they are imported
                self._wait_for(arguments[place], reads=event == "open")
        except LoadError as error:
            raise StartStopped(str(error)) from error

    def _wait_for(self, path: object, *, reads: bool) -> None:
        if isinstance(path, bytes | os.PathLike):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return  # a descriptor: it was opened before
        name, needs = self._needs(path)
        if reads and self._background.is_by_pages(name):
            self._background.wait_for_all()  # ld.so takes it without some of its code, others would not
        elif needs:
            self._background.wait_for_blocks(needs)

    def _needs(self, path: str) -> tuple[str, int]:
        """Return a file's name in the applib, and the number of blocks that it needs; "" and 0 if it is none of its files."""
        name = path.removeprefix(self._prefix) if path.startswith(self._prefix) else ""
        needs = self._background.needs(name)
        if needs is None:  # no file of the archive, or one by another name
            real = os.path.realpath(path)
            name = real.removeprefix(self._real_prefix) if real.startswith(self._real_prefix) else ""
            needs = self._background.needs(name)
        return name, needs or 0


@contextmanager
def gated(background: Background, applib: str) -> Iterator[None]:
    """Make the block under it wait for each file of the applib that it needs, in every thread.

    Args:
        background: the load that brings them.
        applib: the directory, as it stands on `sys.path`.

    Raises:
        StartStopped: a file that was needed will never come.
    """
    global _gate, _hooked
    _gate = _Gate(background, applib)
    if not _hooked:
        sys.addaudithook(_check)  # there is no way to take one out again; without a gate it does nothing
        _hooked = True
    try:
        yield
    finally:
        _gate = None


def _check(event: str, arguments: tuple[object, ...]) -> None:
    # An import causes a hundred thousand events; few of them are these. Another thread may take the gate away at any moment.
    if event in _EVENTS and (gate := _gate) is not None:
        gate.check(event, arguments)
