"""Measures the cost of memory that a host gives: the first touch of a page, after the host took it back and while it has it.

A virtual machine gives memory that lies free back to its host (Linux, mm/page_reporting.c), which finds pages anew when they
are touched again. A start touches each page of its files and of its own memory; how many of them the host still has is not
in its hands.
"""

from __future__ import annotations

import time

from bench.measure import REST
from heavylift.report.surroundings import first_touch


def touch_costs() -> dict[str, float]:
    """Return microseconds for the first touch of a page: `rested`, of free memory after a rest; `again`, of the same at once."""
    time.sleep(REST)
    return {"rested": first_touch(), "again": first_touch()}
