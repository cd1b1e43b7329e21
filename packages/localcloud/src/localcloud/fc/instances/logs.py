"""A function's log: one file for each function, the tail of each invocation, and its logstore; bounded, however much it prints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.fc.instances.delivery import Deliver, Delivery, Lines
from localcloud.fc.model import Trigger
from localcloud.fc.platform import LOG_TAIL
from localcloud.fc.releases import Release

MAX_INVOCATION = 4 * 1024 * 1024  # bytes that an invocation's output may take in the file; assumed
MAX_FILE = 16 * 1024 * 1024  # bytes; above that, its older half goes


class Logs:
    """The logs of all functions.

    Args:
        folder: where their files lie.
        deliver: writes to logstores.
        clock: seconds since the epoch.
    """

    def __init__(self, folder: Path, *, deliver: Deliver, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._delivery = Delivery(deliver, complain=self.note, clock=clock)

    def begin(self, release: Release, request_id: str = "") -> InvocationLog:
        """Begin the log of an invocation, or of what happens to an instance without one."""
        return InvocationLog(self._file(release.function.path), self._delivery.follow(release, request_id))

    def note(self, function: str, text: str) -> None:
        """Append a line of the embedded cloud's own to a function's file, by the function's path."""
        InvocationLog(self._file(function)).line(text)

    def tell_use(self, release: Release, request_id: str, metrics: Sequence[tuple[str, str]]) -> None:
        """See `Delivery.tell_use`."""
        self._delivery.tell_use(release, request_id, metrics)

    def report(self, trigger: Trigger, logstore: tuple[str, str], fields: Sequence[tuple[str, str]]) -> None:
        """See `Delivery.report`."""
        self._delivery.report(trigger, logstore, fields)

    async def close(self) -> None:
        """See `Delivery.close`."""
        await self._delivery.close()

    def _file(self, function: str) -> Path:
        return self._folder / f"{function.replace('/', '.')}.log"


class InvocationLog:
    """The log of one invocation; the function's file gets it as it comes, up to `MAX_INVOCATION`.

    Args:
        path: of the function's file; made with its folder when there is something to log.
        lines: takes them to the function's logstore; None: it has none.
    """

    def __init__(self, path: Path, lines: Lines | None = None) -> None:
        self._path = path
        self._lines = lines
        self._tail = b""
        self._left = MAX_INVOCATION
        self._cut = False  # which the file says once

    def name_instance(self, instance: str) -> None:
        """Note the id of the instance that writes from now on."""
        if self._lines:
            self._lines.instance = instance

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
        if self._lines:
            self._lines.add(content)
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
