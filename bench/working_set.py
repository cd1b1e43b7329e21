"""The start in mode `working-set`, as the part `start` counts it: its own limit, and what it brings before it is ready.

The limit is `max(bytes of the working set / bandwidth, CPU seconds of the import, all CPU seconds / cores)`: an import runs on one
core, so no number of cores hides it.
"""

from __future__ import annotations

import statistics
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.measure import Sample
from bench.results import goal
from heavylift.contracts.loading import plan_load
from heavylift.measure.archives import read_index

WAY = "working_set"
# What is wanted: times faster than the article's way, by link; times the limit at most; MB before ready, at most.
FASTER: Mapping[str, float] = {"1 Gbit/s": 9.5, "5 Gbit/s": 8.0}
LIMIT, FETCHED, WRITTEN = 1.25, 125.0, 480.0


def packed_sizes(archive: Path) -> dict[str, int]:
    """Return the bytes that no start of ours avoids: `packed`, of all files as they are; `working_set`, of what is used."""
    with zipfile.ZipFile(archive) as source:
        index, _ = read_index(source)
    whole, paged = (plan_load(index.content, libraries) for libraries in ((), index.content.libraries))
    sizes = [block.packed for block in index.layout]
    return {
        "packed": sum(sizes[block] for block in whole.blocks),
        "working_set": sum(sizes[block] for block in paged.blocks[: paged.ready]),
    }


def find_limit(size: int, bandwidth: float, spent: Mapping[str, float], cores: int) -> float:
    """Return the least seconds of a start.

    Args:
        size: bytes of the working set, packed.
        bandwidth: bits per second.
        spent: CPU seconds, measured on their own; see `bench.cpu`.
        cores: of the machine.
    """
    return max(size * 8 / bandwidth, spent["import"], (spent["working_set"] + spent["import"]) / cores)


def link_goals(link: str, typical: Mapping[str, float], limit: float) -> dict[str, object]:
    """Return the goals of one link.

    Args:
        link: its name.
        typical: median seconds of each way.
        limit: see `find_limit`.
    """
    goals: dict[str, object] = {}
    if "article" in typical:
        ratio = typical["article"] / typical[WAY]
        goals[f"times faster than the article's way, working set, {link}"] = goal(ratio, FASTER[link], more=True)
    goals[f"times its limit, working set, {link}"] = goal(typical[WAY] / limit, LIMIT)
    return goals


def ready_sizes(starts: Iterable[Sample]) -> dict[str, int]:
    """Return what starts brought before they were ready, in bytes: the most of each."""
    found = [*starts]
    return {"fetched": max(each.fetched for each in found), "written": max(each.written for each in found)}


def size_goals(ready: Mapping[str, int]) -> dict[str, object]:
    """Return the goals for what a start brings before it is ready; see `ready_sizes`."""
    return {
        "packed MB before ready, working set": goal(ready["fetched"] / 1e6, FETCHED),
        "MB of files when ready, working set": goal(ready["written"] / 1e6, WRITTEN),
    }


def times_later(starts: Iterable[Sample]) -> float:
    """Return the first request's time, as a multiple of the next one's."""
    found = [*starts]
    first = statistics.median(each.first for each in found)
    return first / statistics.median(each.second for each in found)
