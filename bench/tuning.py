"""`make bench-tuning`: measures the time of a start by memory and vCPU, and its cost.

Real cold starts of the example function on the embedded cloud, over a link of 1 Gbit/s, each instance held to its vCPU by a control
group (`--fc-limit-cpu`: needs root, or a control group of one's own). Writes `tuning.json` and `tuning.png` to docs/bench, and the
table of docs/tuning.md between its markers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench.cloud import LATENCY, Cloud, running_cloud
from bench.command import run
from bench.direct import function_settings
from bench.functions import DISK, FunctionSettings
from bench.measure import cold_start, in_turn
from bench.results import cpu_model
from bench.tuning_page import draw, insert, render
from heavylift.contracts.manifest import Build, read_build
from heavylift.report.prices import Price, cu_per_second

BANDWIDTH = 1e9  # bits per second


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """The memory and vCPU that a user may set."""

    cpu: float  # vCPU
    memory: int  # MB


# Each vCPU with the least memory that it may have and the libraries need; 1 vCPU with the most that it may have, too, to tell what
# memory alone brings; and the stack's default. More than a machine has cores is left out.
SETTINGS = (
    Setting(cpu=0.5, memory=1024),
    Setting(cpu=1.0, memory=1024),
    Setting(cpu=1.0, memory=4096),
    Setting(cpu=1.5, memory=1536),
    Setting(cpu=2.0, memory=2048),
    Setting(cpu=2.0, memory=3072),
    Setting(cpu=4.0, memory=4096),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One cold start."""

    seconds: float  # process start to first picture, seen by the caller
    initializer: float  # seconds
    first: float  # milliseconds of the first request's handler
    later: float  # milliseconds of the next request's handler
    peak_memory: int  # bytes


def main() -> int:
    """Measure, write the report, and return 0."""
    parser = argparse.ArgumentParser(description="Measure starts by memory and vCPU, and what they cost.")
    parser.add_argument("--runs", type=int, default=3, help="of each setting (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("docs/bench"), metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--page",
        type=Path,
        default=Path("docs/tuning.md"),
        metavar="FILE",
        help="whose table is replaced (default: %(default)s)",
    )
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be 1 or more")
    page = options.page.read_text(encoding="utf-8")
    insert(page, "")  # so that a page without markers is refused now, not after minutes
    console = Console()
    build = read_build(Path.cwd() / "dist")
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-") as name:
        samples = _samples(build, Path(name), options.runs, console)
    results = summarize(samples, runs=options.runs)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "tuning.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    draw(results, options.output / "tuning.png")
    table = render(results)
    options.page.write_text(insert(page, table), encoding="utf-8")
    console.print(table, markup=False, highlight=False)
    return 0


def measurable(cores: int) -> list[Setting]:
    """Return the settings that a machine with so many cores can give to an instance."""
    return [setting for setting in SETTINGS if setting.cpu <= cores]


def _samples(build: Build, folder: Path, runs: int, console: Console) -> dict[Setting, list[Sample]]:
    with running_cloud(folder, ["--fc-limit-cpu"]) as cloud:
        for archive in build.archives:
            with console.status(f"uploading {archive.key} …"):
                cloud.upload(archive.path, archive.key)
        os.sync()  # what the uploads left to be written would slow the first runs alone
        cloud.shape(BANDWIDTH)
        example = function_settings(build, cloud.endpoints)
        samples: dict[Setting, list[Sample]] = {setting: [] for setting in measurable(_cores())}
        for number in range(runs):
            for setting in in_turn(samples, number):
                with console.status(f"run {number + 1} of {runs}: {setting.cpu:g} vCPU, {setting.memory} MB …"):
                    function = replace(example, cpu=setting.cpu, memory=setting.memory)
                    samples[setting].append(_sample(cloud, function))
    return samples


def _sample(cloud: Cloud, settings: FunctionSettings) -> Sample:
    start, found = cold_start(cloud, settings)
    return Sample(
        seconds=found.seconds,
        initializer=start.seconds,
        first=found.first,
        later=found.second,
        peak_memory=start.peak_memory,
    )


def summarize(samples: Mapping[Setting, Sequence[Sample]], *, runs: int) -> dict[str, object]:
    """Return the content of `tuning.json`.

    Args:
        samples: the starts of each setting.
        runs: of each setting.
    """
    return {
        "command": "make bench-tuning",
        "machine": {
            "cores": _cores(),
            "cpu": cpu_model(),
            "python": platform.python_version(),
            "system": platform.release(),
        },
        "runs": runs,
        "link": {"bandwidth": BANDWIDTH, "latency": LATENCY},
        "price": Price().record(),
        "settings": [_summary(setting, starts) for setting, starts in samples.items()],
    }


def _summary(setting: Setting, starts: Sequence[Sample]) -> dict[str, object]:
    price = Price()
    rate = cu_per_second(cpu=setting.cpu, memory=setting.memory, disk=DISK)
    initializer, first, later = (
        statistics.median(values) for values in zip(*((s.initializer, s.first, s.later) for s in starts), strict=True)
    )
    started = price.cu_per_request + rate * (initializer + first / 1000)
    request = price.cu_per_request + rate * later / 1000
    return {
        "cpu": setting.cpu,
        "memory": setting.memory,
        "disk": DISK,
        "initializer": round(initializer, 2),
        "seconds": round(statistics.median(s.seconds for s in starts), 2),
        "first": round(first, 1),
        "later": round(later, 1),
        "peak_memory": max(s.peak_memory for s in starts),
        "cu_per_second": round(rate, 4),
        "start_cu": round(started, 2),
        "thousand_starts_usd": round(1000 * started * price.usd_per_cu, 3),
        "later_cu": round(request, 4),
        "million_later_usd": round(1e6 * request * price.usd_per_cu, 2),
        "runs": [
            {
                "seconds": round(s.seconds, 3),
                "initializer": round(s.initializer, 3),
                "first": s.first,
                "later": s.later,
            }
            for s in starts
        ],
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    run(main)
