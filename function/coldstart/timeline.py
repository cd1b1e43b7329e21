"""The timeline of a start: what took how long, and what it moved. Ends as one JSON log line.

The line is described in docs/reference/contracts.md, section 4. Spans of one phase and item are added up, so that the
line stays short however many blocks there are.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

EVENT = "heavylift.start"

_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Span:
    start: float  # seconds since the start began
    end: float  # seconds since the start began
    busy: float  # seconds, summed over threads


class Timeline:
    """Collects one start. Used by several threads at once.

    Args:
        mode: `initializer` or `request`.
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._started = time.time()
        self._zero = time.perf_counter()
        self._lock = threading.Lock()
        self._spans: dict[tuple[str, str], _Span] = {}
        self._totals = dict.fromkeys(("fetched", "unpacked", "files", "retries", "disk"), 0)
        self._memory_before_import = 0

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

    def mark_import(self) -> None:
        """Note how much memory was needed so far: what follows are the user's own libraries."""
        self._memory_before_import = peak_memory()

    def line(self, error: BaseException | None = None) -> str:
        """Return the log line of the start, which ended now, and with that error if it failed."""
        spans = sorted(self._spans.items(), key=lambda each: each[1].start)
        record: dict[str, object] = {
            "event": EVENT,
            "mode": self._mode,
            "started": round(self._started, 3),
            "seconds": round(time.perf_counter() - self._zero, 4),
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
            "peak_memory": peak_memory(),
            "memory_before_import": self._memory_before_import,
        }
        if error is not None:
            record["error"] = {"type": type(error).__name__, "message": str(error)}
        return json.dumps(record, ensure_ascii=False)

    def _add(self, phase: str, item: str, begin: float, end: float) -> None:
        with self._lock:
            span = self._spans.setdefault((phase, item), _Span(begin - self._zero, 0.0, 0.0))
            span.start = min(span.start, begin - self._zero)
            span.end = max(span.end, end - self._zero)
            span.busy += end - begin


def peak_memory() -> int:
    """Return the most memory, in bytes, that this process ever held (proc(5), `VmHWM`)."""
    # getrusage would count what the parent held before it started this process.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
