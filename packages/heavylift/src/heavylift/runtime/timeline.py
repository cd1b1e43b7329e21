"""The timeline of a start: measures the time and the bytes of each phase, and ends as one JSON log line.

The line is described in docs/reference/contracts.md, section 4. Spans of one phase and item are added up, so that the
line stays short however many blocks there are.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

EVENT = "heavylift.start"

_Item = TypeVar("_Item")


class _Span:
    __slots__ = ("busy", "end", "start")

    def __init__(self, start: float, end: float, busy: float) -> None:
        self.start = start  # seconds since the start began
        self.end = end  # seconds since the start began
        self.busy = busy  # seconds, summed over threads


class ImportTime(NamedTuple):
    """The time that the modules of one top-level package took.

    Attributes:
        package: its name; `others` for all that are not worth a line.
        seconds: without what they import of other packages.
        modules: how many there are.
    """

    package: str
    seconds: float
    modules: int


class Collected(NamedTuple):
    """The measurements of the loader's process."""

    spans: list[tuple[str, str, float, float, float]]  # phase, item, start, end, busy; see `_Span`
    totals: dict[str, int]
    memory: int  # bytes that it held at most


class Timeline:
    """Collects one start. Used by several threads at once.

    Args:
        zero: when the start began, on the clock of `time.perf_counter`, which all processes share; now when left out.
    """

    def __init__(self, zero: float | None = None) -> None:
        self._started = time.time()
        self.zero = time.perf_counter() if zero is None else zero
        self._lock = threading.Lock()
        self._spans: dict[tuple[str, str], _Span] = {}
        self._totals = dict.fromkeys(("fetched", "unpacked", "files", "retries", "disk"), 0)
        self._memory_before_import = 0
        self._worker_memory = 0  # bytes that the loader's own process held at most
        self._memory_together = 0  # bytes that both processes held while both were there
        self._imports: list[dict[str, object]] = []
        self._pages: dict[str, object] | None = None

    @contextmanager
    def span(self, phase: str, item: str) -> Iterator[None]:
        """Measure the block under it as part of a phase."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._add(phase, item, begin, time.perf_counter())

    def each(self, phase: str, item: str, items: Iterator[_Item]) -> Iterator[_Item]:
        """Hand the items on and measure the time spent waiting for them."""
        while True:
            with self.span(phase, item):
                try:
                    value = next(items)
                except StopIteration:
                    return
            yield value

    def count(self, **amounts: int) -> None:
        """Add to the totals: `fetched`, `unpacked` and `disk` in bytes; `files`; `retries`."""
        with self._lock:
            for name, amount in amounts.items():
                self._totals[name] += amount

    def collected(self) -> Collected:
        """Return the measurements so far, for `merge` in another process."""
        with self._lock:
            spans = [(*key, span.start, span.end, span.busy) for key, span in self._spans.items()]
            return Collected(spans, dict(self._totals), peak_memory())

    def merge(self, collected: Collected) -> None:
        """Add the measurements of the loader's process, which ends now."""
        for phase, item, start, end, busy in collected.spans:
            self._merge(phase, item, _Span(start, end, busy))
        self.count(**collected.totals)
        self._worker_memory = collected.memory
        self._memory_together = _memory("VmRSS") + self._worker_memory

    def set_imports(self, imports: Sequence[ImportTime]) -> None:
        """Record the time of the imports, by package."""
        self._imports = [each._asdict() for each in imports]

    def set_pages(self, later: int, present: int, absent: int, waited: float) -> None:
        """Record that libraries were loaded by pages.

        Args:
            later: bytes to fetch after this start.
            present: faults on code that was there.
            absent: faults on code that had to be waited for.
            waited: seconds that these took, summed over threads.
        """
        self._pages = {"later": later, "present": present, "absent": absent, "waited": round(waited, 4)}

    def mark_import(self) -> None:
        """Record the memory that was needed so far, before the user's own libraries are imported."""
        self._memory_before_import = peak_memory()

    def line(self, mode: str, error: BaseException | None = None) -> str:
        """Return the log line of the start, which ended now.

        Args:
            mode: `initializer` or `request`.
            error: with which it failed.
        """
        spans = sorted(self._spans.items(), key=lambda each: each[1].start)
        record: dict[str, object] = {
            "event": EVENT,
            "mode": mode,
            "started": round(self._started, 3),
            "seconds": round(time.perf_counter() - self.zero, 4),
            "spans": [
                {
                    "phase": phase,
                    "item": item,
                    "start": round(span.start, 4),
                    "end": round(span.end, 4),
                    "busy": round(span.busy, 4),
                }
                for (phase, item), span in spans
            ],
            "bytes": {"fetched": self._totals["fetched"], "unpacked": self._totals["unpacked"]},
            "files": self._totals["files"],
            "retries": self._totals["retries"],
            "peak_disk": self._totals["disk"],
            "peak_memory": max(peak_memory(), self._memory_together),
            "memory_before_import": self._memory_before_import + self._worker_memory,
            "cores": len(os.sched_getaffinity(0)),
            "imports": self._imports,
        }
        if self._pages is not None:
            record["pages"] = self._pages
        if error is not None:
            record["error"] = {"type": type(error).__name__, "message": str(error)}
        return json.dumps(record, ensure_ascii=False)

    def _add(self, phase: str, item: str, begin: float, end: float) -> None:
        self._merge(phase, item, _Span(begin - self.zero, end - self.zero, end - begin))

    def _merge(self, phase: str, item: str, other: _Span) -> None:
        with self._lock:
            span = self._spans.setdefault((phase, item), _Span(other.start, other.end, 0.0))
            span.start, span.end = min(span.start, other.start), max(span.end, other.end)
            span.busy += other.busy


def peak_memory() -> int:
    """Return the most memory, in bytes, that this process ever held (proc(5), `VmHWM`)."""
    return _memory("VmHWM")


def _memory(field: str) -> int:
    # getrusage would count what the parent held before it started this process.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
