"""The table of a measurement: seconds, the parts of a start, and what starts cost. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from heavylift.contracts.startlog import Start
from heavylift.measure.starts import ColdStart
from heavylift.report.prices import Price, cu_per_second

LOADING = frozenset({"fetch", "verify", "inflate", "write", "unpack"})  # phases that bring the files


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The resources of a function's instance, which are charged for."""

    cpu: float  # vCPU
    memory: int  # MB
    disk: int  # MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The cold starts of one way; medians, but for `worst`."""

    way: str
    starts: int
    median: float  # seconds, as the caller sees them
    worst: float  # seconds
    load: float  # seconds from the first byte asked for to the last file written
    imports: float  # seconds of the function's imports, while files still arrive or after them
    thousand_usd: float  # estimated US$ of 1,000 starts, each with its first request

    def record(self) -> dict[str, object]:
        """Return it for programs."""
        return asdict(self)


def summarize(way: str, starts: Sequence[ColdStart], size: Size, module: str) -> Row:
    """Return the row of a way.

    Args:
        way: its name for people.
        starts: at least one.
        size: of the instances.
        module: the function's.
    """
    price = Price()
    rate = cu_per_second(cpu=size.cpu, memory=size.memory, disk=size.disk)
    billed = statistics.median(each.billed for each in starts)
    return Row(
        way=way,
        starts=len(starts),
        median=round(statistics.median(each.seconds for each in starts), 3),
        worst=round(max(each.seconds for each in starts), 3),
        load=round(statistics.median(_loading(each.start) for each in starts), 3),
        imports=round(statistics.median(each.start.elapsed("import", module) for each in starts), 3),
        thousand_usd=round(1000 * (price.cu_per_request + rate * billed) * price.usd_per_cu, 3),
    )


def _loading(start: Start) -> float:
    spans = [span for span in start.spans if span.phase in LOADING]
    return max(span.end for span in spans) - min(span.start for span in spans) if spans else 0.0


def render(rows: Sequence[Row], places: Mapping[str, object]) -> str:
    """Return the table for people.

    Args:
        rows: ours first.
        places: what was measured, for the line above it.
    """
    head = ("", "median", "worst", "load", "import", "1,000 starts")
    cells = [
        (
            row.way,
            *(f"{value:.2f} s" for value in (row.median, row.worst, row.load, row.imports)),
            f"US$ {row.thousand_usd:.3f}",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (head, *cells)
    ]
    price = Price()
    said = ", ".join(f"{name} {value}" for name, value in places.items())
    ours, other = rows[0], rows[-1]
    return "\n".join(
        [
            f"{ours.starts} cold starts of each way: {said}",
            *lines,
            f"{ours.way} is {other.median / ours.median:.1f} times faster. Costs are estimated from the list price of "
            f"{price.source_date} ({price.source}), without discounts and quotas.",
        ]
    )
