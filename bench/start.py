"""`make bench`: cold starts over links of 1 and 5 Gbit/s, ours and other ways, against the limit of the hardware.

One run, one machine: the embedded OSS behind a shaped link (10 ms to the first byte), real instances, the same libraries. The limit
of a start is `max(bytes / bandwidth, CPU seconds / cores)`, with the CPU seconds of verify, inflate, write and import measured on
their own (`bench.cpu`). Writes `results.json` (machine, raw runs, goals), `start.png` and `README.md` to docs/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import Request, urlopen

from rich.console import Console

from bench.archives import installed_archive, plain_archive, tar_archive
from bench.direct import BUCKET, SERVICE, function_settings, make_bucket
from bench.functions import FunctionService, FunctionSettings
from bench.measure import measure_two, peer_code
from bench.report import draw, render
from bench.roles import create_function_role
from heavylift.archives import upload
from heavylift.build import Build, read_build
from heavylift.embedded import EmbeddedCloud, Endpoints
from heavylift.errors import HeavyliftError

LINKS = {"1 Gbit/s": 1e9, "5 Gbit/s": 5e9}
LATENCY = 0.01  # seconds to the first byte
GOALS = {"faster": 8.0, "limit": 1.25, "first": 1.5, "memory": 128.0}  # see `goals`
LABELS = {
    "ours": "heavylift",
    "article": "the article's way, as pip installs",
    "plain": "the article's way, with our files",
    "resumable": "oss2.resumable_download, zipfile",
    "tar": "tar.gz streamed (Zappa's slim_handler)",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One cold start."""

    seconds: float  # process start to first picture, seen by the caller
    first: float  # milliseconds of the first request's handler after the initializer
    second: float  # milliseconds of the next request's handler
    peak_memory: int  # bytes


def main() -> int:
    """Measure, write the report, and return 0: a missed goal is a result, too."""
    parser = argparse.ArgumentParser(description="Measure cold starts over shaped links.")
    parser.add_argument("--runs", type=int, default=5, help="of each way and link (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("docs/bench"), metavar="DIR", help="default: %(default)s")
    options = parser.parse_args()
    console, root = Console(), Path.cwd()
    build = read_build(root / "dist")
    with console.status("measuring CPU seconds on their own …"):
        spent = _cpu(build)
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-") as name:
        samples = _samples(build, root, Path(name), options.runs, console)
    results = summarize(samples, spent, packed=build.applib.size, runs=options.runs)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (options.output / "README.md").write_text(render(results, LABELS), encoding="utf-8")
    draw(results, LABELS, options.output / "start.png")
    console.print((options.output / "README.md").read_text(), markup=False, highlight=False)
    return 0


def _cpu(build: Build) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.cpu", str(build.applib.path), build.applib.digest, str(build.code)]
    rounds = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _samples(build: Build, root: Path, folder: Path, runs: int, console: Console) -> dict[str, dict[str, list[Sample]]]:
    with console.status("packing as the others do (one thread, zlib): a few minutes …"):
        installed, plain = installed_archive(root, folder), plain_archive(build.applib, folder)
        tar = tar_archive(plain, folder)
    with EmbeddedCloud(folder / "cloud", ["--fc-python", sys.executable]) as endpoints:
        bucket = make_bucket(endpoints)
        for archive in (build.applib, build.model, installed, plain, tar):
            upload(bucket, archive.path, archive.key, lambda _done: None, checkpoints=folder)
        os.sync()  # what the uploads left to be written would slow the first runs alone
        service = FunctionService(endpoints, SERVICE)
        service.create(role_arn=create_function_role(endpoints, bucket=BUCKET))
        ours, code = function_settings(build, endpoints), peer_code(build.code, folder)
        ways: dict[str, FunctionSettings] = {"ours": ours}
        for way, key in (
            ("article", installed.key),
            ("plain", plain.key),
            ("resumable", plain.key),
            ("tar", tar.key),
        ):
            variables = {**ours.environment, "AppLibObject": key, "BenchWay": "article" if way == "plain" else way}
            ways[way] = replace(ours, name=way, initializer=None, code=code, environment=variables)
        samples: dict[str, dict[str, list[Sample]]] = {}
        for link, bandwidth in LINKS.items():
            _shape(endpoints, bandwidth)
            found = samples[link] = {way: [] for way in ways}
            for number in range(runs):
                for way, settings in ways.items() if number % 2 else reversed(ways.items()):
                    with console.status(f"{link}, run {number + 1} of {runs}: {way} …"):
                        found[way].append(_sample(service, settings))
    return samples


def _sample(service: FunctionService, settings: FunctionSettings) -> Sample:
    start, first, second = measure_two(service, settings)
    durations = [float(each.headers.get("x-fc-invocation-duration", "nan")) for each in (first, second)]
    return Sample(seconds=first.seconds, first=durations[0], second=durations[1], peak_memory=start.peak_memory)


def _shape(endpoints: Endpoints, bandwidth: float) -> None:
    request = Request(  # noqa: S310 - loopback
        f"{endpoints.oss}/-/localcloud/link",
        data=json.dumps({"shape": {"bandwidth": bandwidth, "latency": LATENCY}, "faults": []}).encode(),
        method="PUT",
        headers={"Authorization": f"Bearer {endpoints.access_key_secret}", "Content-Type": "application/json"},
    )
    urlopen(request, timeout=10).close()  # noqa: S310 - loopback


def summarize(
    samples: Mapping[str, Mapping[str, Sequence[Sample]]], spent: Mapping[str, float], *, packed: int, runs: int
) -> dict[str, object]:
    """Return what `results.json` holds.

    Args:
        samples: the starts of each link and way.
        spent: CPU seconds and memory, measured on their own.
        packed: bytes of our archive.
        runs: of each way and link.
    """
    cores = os.cpu_count() or 1
    links: dict[str, object] = {}
    goals: dict[str, object] = {}
    for link, bandwidth in LINKS.items():
        found = samples[link]
        medians = {way: statistics.median(each.seconds for each in starts) for way, starts in found.items()}
        wire, work = packed * 8 / bandwidth, (spent["load"] + spent["import"]) / cores
        limit = max(wire, work)
        links[link] = {
            "limit": round(limit, 2),
            "wire": round(wire, 2),
            "work": round(work, 2),
            "median": {way: round(value, 2) for way, value in medians.items()},
            "worst": {way: round(max(each.seconds for each in starts), 2) for way, starts in found.items()},
            "runs": {way: [round(each.seconds, 3) for each in starts] for way, starts in found.items()},
        }
        goals[f"times faster than the article's way, {link}"] = _goal(
            medians["article"] / medians["ours"], GOALS["faster"], more=True
        )
        goals[f"times the limit, {link}"] = _goal(medians["ours"] / limit, GOALS["limit"], more=False)
    ours = [each for starts in samples.values() for each in starts["ours"]]
    first, second = (statistics.median(values) for values in zip(*((o.first, o.second) for o in ours), strict=True))
    goals["first request, times a later one"] = _goal(first / second, GOALS["first"], more=False)
    beyond = statistics.median(each.peak_memory for each in ours) - spent["import_memory"]
    goals["memory beyond the import's, MB"] = _goal(beyond / 1e6, GOALS["memory"], more=False)
    return {
        "command": "make bench",
        "machine": {
            "cores": cores,
            "cpu": _cpu_model(),
            "python": platform.python_version(),
            "system": platform.release(),
        },
        "runs": runs,
        "archive": {"packed": packed},
        "cpu": {name: round(value, 2) for name, value in spent.items()},
        "links": links,
        "goals": goals,
    }


def _goal(value: float, goal: float, *, more: bool) -> dict[str, object]:
    return {"value": round(value, 2), "goal": goal, "met": value >= goal if more else value <= goal}


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HeavyliftError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
