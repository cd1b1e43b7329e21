"""The log lines of code that requests had to fetch, found in a function's log (docs/reference/contracts.md, section 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

EVENT = "heavylift.pages"


class DemandedPage(NamedTuple):
    """A page of a library that was executed before it was there.

    Attributes:
        library: its path in the applib.
        page: of its file, in 4,096 bytes.
        size: bytes that were fetched for it.
        seconds: that this took.
    """

    library: str
    page: int
    size: int
    seconds: float


def find_demands(lines: Iterable[str]) -> list[DemandedPage]:
    """Return what a log says was fetched on demand, in order; other lines, and damaged ones, are passed over."""
    demands = []
    for line in lines:
        brace = line.find("{")
        if brace < 0 or EVENT not in line:
            continue
        try:
            record = json.loads(line[brace:])
            library, page, size = str(record["library"]), int(record["page"]), int(record["bytes"])
            demands.append(DemandedPage(library=library, page=page, size=size, seconds=float(record["seconds"])))
        except (ValueError, OverflowError, KeyError, TypeError, RecursionError):
            continue
    return demands


def explain(demands: Iterable[DemandedPage]) -> str:
    """Return sentences that say which libraries lacked code, and what to do; empty where none did."""
    by_library: dict[str, list[DemandedPage]] = {}
    for demand in demands:
        by_library.setdefault(demand.library, []).append(demand)
    if not by_library:
        return ""
    lines = [
        f"  {library}: {len(found)} times, {sum(each.seconds for each in found):.3f} s, "
        f"{sum(each.size for each in found) / 1e6:.1f} MB; pages {_listed(found)}"
        for library, found in by_library.items()
    ]
    advice = "`heavylift build --record EVENT.json` with such a request puts it into the next archive's working set"
    return "\n".join(["requests had to fetch code that no recording had seen:", *lines, advice])


def _listed(demands: list[DemandedPage], most: int = 12) -> str:
    pages = sorted({each.page for each in demands})
    return ", ".join(map(str, pages[:most])) + (", …" if len(pages) > most else "")
