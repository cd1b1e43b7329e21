"""The start's log line, found in a function's log and parsed into values (docs/reference/contracts.md, section 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from heavylift.errors import HeavyliftError

EVENT = "heavylift.start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One phase's work on one item."""

    phase: str
    item: str
    start: float  # seconds since the start began
    end: float  # seconds since the start began
    busy: float  # seconds, summed over threads


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of an instance: from credentials to warm-up."""

    mode: str  # "initializer" or "request"
    seconds: float
    spans: tuple[Span, ...]
    fetched: int  # bytes
    unpacked: int  # bytes
    files: int
    retries: int
    peak_disk: int  # bytes
    peak_memory: int  # bytes
    memory_before_import: int  # bytes
    error: str | None  # "Type: message" of a start that failed

    def elapsed(self, phase: str, item: str) -> float:
        """Return the seconds from the first start to the last end of a phase's work on an item; 0 when there was none."""
        spans = [span for span in self.spans if (span.phase, span.item) == (phase, item)]
        return max(span.end for span in spans) - min(span.start for span in spans) if spans else 0.0


def parse_start(line: str) -> Start:
    """Parse one log line.

    Raises:
        HeavyliftError: the line is not a start's; the message names what is missing.
    """
    try:
        record = json.loads(line)
        error = record.get("error")
        return Start(
            mode=record["mode"],
            seconds=float(record["seconds"]),
            spans=tuple(
                Span(
                    phase=span["phase"],
                    item=span["item"],
                    start=float(span["start"]),
                    end=float(span["end"]),
                    busy=float(span.get("busy", span["end"] - span["start"])),
                )
                for span in record["spans"]
            ),
            fetched=int(record["bytes"]["fetched"]),
            unpacked=int(record["bytes"]["unpacked"]),
            files=int(record["files"]),
            retries=int(record["retries"]),
            peak_disk=int(record["peak_disk"]),
            peak_memory=int(record["peak_memory"]),
            memory_before_import=int(record["memory_before_import"]),
            error=f"{error['type']}: {error['message']}" if error else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeavyliftError(
            f"not a start's log line ({type(error).__name__}: {error}): {line[:200]!r}; pass a line that holds "
            f'"event": "{EVENT}"'
        ) from error


def find_starts(lines: Iterable[str]) -> list[Start]:
    """Return the starts recorded in a log, in order; other lines are passed over."""
    starts = []
    for line in lines:
        brace = line.find("{")
        if brace >= 0 and EVENT in line:
            starts.append(parse_start(line[brace:].strip()))
    return starts
