"""A function's log: one file for each function, and the tail of each invocation; bounded, however much a function prints."""

from __future__ import annotations

import contextlib
from pathlib import Path

from localcloud.fc.platform import LOG_TAIL

MAX_INVOCATION = 4 * 1024 * 1024  # bytes that an invocation's output may take in the file; assumed
MAX_FILE = 16 * 1024 * 1024  # bytes; above that, its older half goes


class Logs:
    """The logs of all functions.

    Args:
        folder: where their files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, function: str) -> InvocationLog:
        """Begin the log of an invocation of a function, by its path."""
        return InvocationLog(self._folder / f"{function.replace('/', '.')}.log")


class InvocationLog:
    """The log of one invocation; the function's file gets it as it comes, up to `MAX_INVOCATION`.

    Args:
        path: of the function's file; made with its folder when there is something to log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tail = b""
        self._left = MAX_INVOCATION
        self._cut = False  # which the file says once

    def write(self, content: bytes) -> None:
        """Append the function's output; the part beyond the limit stands in the tail alone."""
        if not content:
            return
        kept = content[: self._left]
        if kept:
            self._append(kept)
        self._tail = (self._tail + content)[-LOG_TAIL:]
        if len(content) > self._left and not self._cut:
            self._cut = True
            self._append(f"\nFC Note: more than {MAX_INVOCATION:,} bytes of output; the rest is not kept\n".encode())
        self._left -= len(kept)

    def line(self, text: str) -> None:
        """Append a line of the platform's own, on a line of its own; it is always kept."""
        start = b"" if not self._tail or self._tail.endswith(b"\n") else b"\n"
        content = start + text.encode(errors="backslashreplace") + b"\n"  # surrogates stand for bytes that are no text
        self._append(content)
        self._tail = (self._tail + content)[-LOG_TAIL:]

    def report(self, text: str) -> None:
        """Append a paragraph to the tail alone: whoever invoked reads there what it took."""
        self._tail = (self._tail + f"\n{text}\n".encode())[-LOG_TAIL:]

    def _append(self, content: bytes) -> None:
        with contextlib.suppress(OSError):  # on a full disk the function goes on, without a log
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(content)
                size = file.tell()
            if size > MAX_FILE:
                _drop_older_half(self._path)

    @property
    def tail(self) -> bytes:
        """The end of the log, of at most `LOG_TAIL` bytes."""
        return self._tail


def _drop_older_half(path: Path) -> None:
    newer = path.with_suffix(".new")
    with path.open("rb") as file:
        file.seek(-MAX_FILE // 2, 2)
        file.readline()  # the rest of a line that is cut
        newer.write_bytes(file.read())
    newer.replace(path)
