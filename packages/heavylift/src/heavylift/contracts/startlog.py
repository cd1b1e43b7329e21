"""The start's log line, found in a function's log and parsed into values (docs/reference/contracts.md, section 4)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heavylift.errors import HeavyliftError

EVENT = "heavylift.start"
_NAMED = re.compile(rf'"event": ?"{re.escape(EVENT)}"')
OTHERS = "others"  # stands for all packages that a line does not name


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One phase's work on one item."""

    phase: str
    item: str
    start: float  # seconds since the start began
    end: float  # seconds since the start began
    busy: float  # seconds, summed over threads


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportTime:
    """The time that the modules of one top-level package took to execute, without their imports of other packages."""

    name: str
    seconds: float
    modules: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """The code of libraries that were loaded by pages, as far as this start met it."""

    later: int  # bytes to fetch after the start
    present: int  # faults on code that was there
    absent: int  # faults on code that had to be waited for
    waited: float  # seconds that these took, summed over threads


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
    imports: tuple[ImportTime, ...] = ()  # the slowest first, `others` last; empty where the line does not say
    pages: Pages | None = None  # None: no library was loaded by pages
    cores: float | None = None  # CPUs that the instance may use; None where the line does not say

    def elapsed(self, phase: str, item: str) -> float:
        """Return the seconds from the first start to the last end of a phase's work on an item; 0 when there was none."""
        spans = [span for span in self.spans if (span.phase, span.item) == (phase, item)]
        return max(span.end for span in spans) - min(span.start for span in spans) if spans else 0.0


def parse_start(line: str) -> Start:
    """Parse one log line.

    Raises:
        HeavyliftError: the line is not a start's; the message names what is missing or wrong.
    """
    try:
        record = json.loads(line)
        error = record.get("error")
        return Start(
            mode=record["mode"],
            seconds=_number(record["seconds"], "seconds"),
            spans=tuple(
                Span(
                    phase=span["phase"],
                    item=span["item"],
                    start=_number(span["start"], "start"),
                    end=_number(span["end"], "end"),
                    busy=_number(span.get("busy", span["end"] - span["start"]), "busy"),
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
            imports=_packages(record.get("imports")),
            pages=_pages(record.get("pages")),
            cores=_cores(record.get("cores")),
        )
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HeavyliftError(
            f"not a start's log line ({type(error).__name__}: {error}): {line[:200]!r}; pass a line that holds "
            f'"event": "{EVENT}"'
        ) from error


def find_starts(lines: Iterable[str]) -> list[Start]:
    """Return the starts recorded in a log, in order; other lines are passed over."""
    starts = []
    for line in lines:
        brace = line.find("{")
        if brace >= 0 and _NAMED.search(line, brace):
            starts.append(parse_start(line[brace:].strip()))
    return starts


def _packages(values: Any) -> tuple[ImportTime, ...]:  # noqa: ANN401 - anything may stand in a log
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ValueError(f"imports is {values!r}, not a list")
    packages = []
    for value in values:
        name, modules = value["package"], value["modules"]
        if not isinstance(name, str) or not name:
            raise ValueError(f"package is {name!r}, not a name")
        if type(modules) is not int or modules < 0:
            raise ValueError(f"modules is {modules!r}, not a count")
        packages.append(ImportTime(name=name, seconds=_number(value["seconds"], "seconds"), modules=modules))
    return tuple(sorted(packages, key=lambda package: (package.name == OTHERS, -package.seconds)))


def _pages(value: Any) -> Pages | None:  # noqa: ANN401 - anything may stand in a log
    if value is None:
        return None
    counts = {name: int(_number(value[name], name)) for name in ("later", "present", "absent")}
    return Pages(**counts, waited=_number(value["waited"], "waited"))


def _cores(value: Any) -> float | None:  # noqa: ANN401 - anything may stand in a log
    if value is None:
        return None
    if not (cores := _number(value, "cores")):
        raise ValueError("cores is 0, not a number of CPUs")
    return cores


def _number(value: Any, name: str) -> float:  # noqa: ANN401 - anything may stand in a log
    # JSON as Python reads it has NaN and Infinity, which no picture can be drawn of; and True is an int.
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}, not a number of at least 0")
    return float(value)
