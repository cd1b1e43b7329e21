"""Measures the cost of memory that a host gives: the first touch of a page, after the host took it back and while it has it.

A virtual machine gives memory that lies free back to its host (Linux, mm/page_reporting.c), which finds pages anew when they
are touched again. A start touches each page of its files and of its own memory; how many of them the host still has is not
in its hands.
"""

from __future__ import annotations

import mmap
import time

from bench.measure import REST

_PAGES = 65536
_HUGE = 2 * 1024 * 1024  # bytes; memory is given back in blocks of at least that size, and asked for in such


def touch_costs() -> dict[str, float]:
    """Return microseconds for the first touch of a page: `rested`, of free memory after a rest; `again`, of the same at once."""
    time.sleep(REST)
    return {"rested": _touch(), "again": _touch()}


def _touch() -> float:
    size = _PAGES * mmap.PAGESIZE
    with mmap.mmap(-1, size + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        ones = bytes(_PAGES)
        begin = time.perf_counter()
        memory[: size : mmap.PAGESIZE] = ones
        return (time.perf_counter() - begin) / _PAGES * 1e6
