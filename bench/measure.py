"""One measured start: a fresh function, invoked twice."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import psutil

from bench.cloud import Cloud
from bench.functions import FunctionSettings
from heavylift.clouds.invocation import Invocation
from heavylift.contracts.startlog import Start, find_starts
from heavylift.errors import HeavyliftError

Way = TypeVar("Way")
MIB = 1024**2
# Seconds before a start: for that long, a virtual machine gives what the last one freed back to its host (Linux,
# mm/page_reporting.c), at the cost of whoever runs then.
REST = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One cold start."""

    seconds: float  # process start to first picture, seen by the caller
    first: float = 0.0  # milliseconds of the first request's handler after the initializer
    second: float = 0.0  # milliseconds of the next request's handler
    peak_memory: int = 0  # bytes; as the start counted them
    platform_memory: int = 0  # bytes; of all the instance's processes, as the platform counts after the first request
    counted_disk: int = 0  # bytes that the start took on disk, as it counted them
    platform_disk: int = 0  # bytes; the most that lay on the instance's disk, as the platform saw it
    fetched: int = 0  # bytes before the start was ready
    written: int = 0  # bytes of files before the start was ready
    cloud: float = 0.0  # CPU seconds of the embedded cloud until the first picture
    machine: float = 0.0  # CPU seconds of the whole machine until the first picture


def in_turn(ways: Iterable[Way], number: int) -> list[Way]:
    """Return the ways in the order of one round: every other round goes backwards, so that a noisy machine hurts all."""
    return [*ways] if number % 2 else [*ways][::-1]


def cold_start(cloud: Cloud, settings: FunctionSettings) -> tuple[Start, Sample]:
    """Start a fresh instance after a rest, and send it two requests.

    Raises:
        HeavyliftError: one of them failed.
    """
    service = cloud.service
    time.sleep(REST)
    service.create_function(settings)
    try:
        before, machine_before = cloud.busy(), _machine_busy()
        first = service.invoke(settings.name)
        busy, machine = cloud.busy() - before, _machine_busy() - machine_before
        start = _checked(settings.name, first)
        disk = cloud.peak_disk(settings.name)
        second = service.invoke(settings.name)
        _check(settings.name, second)
    finally:
        service.delete_function(settings.name)
    durations = [float(each.headers.get("x-fc-invocation-duration", "nan")) for each in (first, second)]
    return start, Sample(
        seconds=first.seconds,
        first=durations[0],
        second=durations[1],
        peak_memory=start.peak_memory,
        platform_memory=round(float(first.headers.get("x-fc-max-memory-usage", "nan")) * MIB),
        counted_disk=start.peak_disk,
        platform_disk=disk,
        fetched=start.fetched,
        written=start.unpacked,
        cloud=busy,
        machine=machine,
    )


def _machine_busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)  # guests count as user, too


def _checked(name: str, first: Invocation) -> Start:
    _check(name, first)
    return find_starts(first.log_tail.splitlines())[-1]


def _check(name: str, done: Invocation) -> None:
    if done.error_type:
        raise HeavyliftError(f"{name} failed: {done.body.decode(errors='replace')}\n{done.log_tail}")


def timings(samples: Mapping[str, Iterable[Sample]]) -> dict[str, object]:
    """Return medians, worst and all runs, in seconds by way, as `results.json` has them."""
    seconds = {way: [each.seconds for each in starts] for way, starts in samples.items()}
    return {
        "median": {way: round(statistics.median(values), 2) for way, values in seconds.items()},
        "worst": {way: round(max(values), 2) for way, values in seconds.items()},
        "runs": {way: [round(each, 3) for each in values] for way, values in seconds.items()},
    }
