"""Part `scaling`: measures the time of a load as the archive grows, against the growth of the limit.

Synthetic archives (`bench.synthetic`), and two real ones: the example's, and one of the full `tensorflow` with its GPU code.
Our loader loads them for a function that imports nothing. What counts is the load itself, as the start's log line has it.
Between two sizes, the load's slope (seconds for each further byte) is compared with the limit's, where the limit is
`max(bytes / bandwidth, CPU seconds / cores)` as in the part `start`. A knee would be a segment that is much steeper than the limit.
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import psutil

from bench.cloud import LINKS, Cloud, running_cloud
from bench.cpu import spent_by_load
from bench.direct import function_settings
from bench.functions import FunctionSettings
from bench.measure import cold_start
from bench.packages import copy_code
from bench.part import Part
from bench.results import Results, goal
from bench.scratch import scratch_root, timed_build
from bench.synthetic import UNIT, library_sample, pack_units, write_units
from bench.working_set import packed_sizes
from heavylift.build.errors import BuildError
from heavylift.build.pack import PackedArchive
from heavylift.clouds.assets import zip_code
from heavylift.contracts.manifest import Archive
from heavylift.contracts.startlog import Start

SIZES = (50e6, 200e6, 1e9, 4e9)  # bytes of the archive, about
RATIO = 1.6  # unpacked bytes of a packed one, about
WORK_RUNS = 3  # of what a load takes on its own
SLOPE = 1.3  # times the limit's slope, at most, in every segment
FULL = "tensorflow"  # the requirement of the largest real archive: no code package may be as large
HANDLER = "def handler(event, context):\n    return 'loaded'\n"
DISK_FACTOR = 5.0  # bytes of disk for each of the largest archive: its files, its body, itself and a copy in OSS
# Bytes of memory for each of an archive: what it unpacks to lies in memory, as does a part of the rest.
MEMORY_FACTOR = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """An archive to load."""

    name: str  # empty for a synthetic one
    path: Path
    digest: str
    packed: int  # bytes of all files as they are: hot pages count once, as in the limit of the part `start`
    unpacked: int  # bytes, in whole pages
    files: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One archive on one link."""

    name: str  # empty for a synthetic one
    packed: int  # bytes
    unpacked: int  # bytes
    files: int
    work: float  # CPU seconds of the load, measured on its own
    cloud: float  # CPU seconds of the embedded cloud for one load
    runs: tuple[float, ...]  # seconds of each load


def run(part: Part) -> Results:
    """Measure each archive over each link."""
    free, memory = shutil.disk_usage(part.folder).free, psutil.virtual_memory().available
    sizes, left_out = fitting_sizes(SIZES, disk=free, memory=memory)
    subjects = [*_make(part, sizes), _example(part)]
    try:
        subjects.append(_full(part))
    except BuildError as error:  # packages that cannot be downloaded, for one
        left_out[FULL] = str(error)
    code = _loading_code(part.build.code.path, part.folder)
    work = []
    for subject in subjects:
        with part.console.status(f"scaling: CPU seconds of {subject.packed / 1e6:,.0f} MB on their own …"):
            spent = (spent_by_load(part.build.code.path, subject.path, subject.digest) for _ in range(WORK_RUNS))
            work.append(statistics.median(spent))
    found: dict[str, list[Point]] = {link: [] for link in LINKS}
    with running_cloud(part.folder) as cloud:
        for subject in subjects:
            cloud.upload(subject.path, _key(subject))
        os.sync()  # what the uploads left to be written would slow the first runs alone
        ours = function_settings(part.build, cloud.endpoints)
        for link, bandwidth in LINKS.items():
            cloud.shape(bandwidth)
            for subject, seconds in zip(subjects, work, strict=True):
                with part.console.status(f"scaling: {link}, {subject.packed / 1e6:,.0f} MB …"):
                    runs = runs_of(subject.packed, bandwidth, part.runs)
                    found[link].append(_point(cloud, _settings(ours, subject, code), subject, seconds, runs))
    return summarize(found, left_out)


def fitting_sizes(sizes: Sequence[float], *, disk: float, memory: float) -> tuple[list[float], dict[str, str]]:
    """Return the sizes that this machine can bear, and the reasons against the others.

    Args:
        sizes: bytes of the archives.
        disk: free bytes where they are made.
        memory: free bytes.
    """
    kept, left_out = [], {}
    for size in sizes:
        if size * DISK_FACTOR > disk:
            left_out[f"{size / 1e6:,.0f} MB"] = (
                f"needs {size * DISK_FACTOR / 1e9:.1f} GB of disk, {disk / 1e9:.1f} are free"
            )
        elif size * MEMORY_FACTOR > memory:
            left_out[f"{size / 1e6:,.0f} MB"] = (
                f"needs {size * MEMORY_FACTOR / 1e9:.1f} GB of memory, {memory / 1e9:.1f} are free"
            )
        else:
            kept.append(size)
    return kept, left_out


def runs_of(packed: int, bandwidth: float, runs: int) -> int:
    """Return the number of runs for an archive: as asked for the small ones, one for those of many seconds."""
    return 1 if packed * 8 / bandwidth > 4 or packed > 2e9 else runs


def _make(part: Part, sizes: Sequence[float]) -> list[Subject]:
    folder, counts = part.folder / "units", [max(1, round(size * RATIO / UNIT)) for size in sizes]
    with part.console.status(f"scaling: making archives of up to {max(sizes) / 1e9:g} GB …"):
        write_units(folder, max(counts), library_sample(part.build.applib.path))
        archives = [pack_units(folder, count, part.folder / f"synthetic-{count}.zip") for count in counts]
        shutil.rmtree(folder)
    return [_subject("", archive) for archive in archives]


def _example(part: Part) -> Subject:
    return _subject("the example's", part.build.applib)


def _full(part: Part) -> Subject:
    root = scratch_root(part.root, part.folder)
    (root / "layers_build" / "applib.txt").write_text(f"{FULL}\n", encoding="utf-8")
    with part.console.status(f"scaling: building an applib of the full {FULL}: some minutes …"):
        manifest, _, _ = timed_build(root)
    shutil.rmtree(root / ".cache")
    assert manifest.applib is not None
    return _subject(FULL, manifest.applib)


def _subject(name: str, archive: Archive | PackedArchive) -> Subject:
    return Subject(
        name=name,
        path=archive.path,
        digest=archive.digest,
        packed=packed_sizes(archive.path)["packed"],
        unpacked=archive.unpacked,
        files=archive.files,
    )


def _loading_code(code: Path, folder: Path) -> bytes:
    staging = copy_code(code, folder / "code-scaling")
    (staging / "tiny.py").write_text(HANDLER, encoding="utf-8")
    return zip_code(staging)


def _settings(ours: FunctionSettings, subject: Subject, code: bytes) -> FunctionSettings:
    variables = {**ours.environment, "AppLibObject": _key(subject), "AppLibDigest": subject.digest}
    variables["HandlerModule"] = "tiny.handler"
    del variables["ModelObject"], variables["ModelDigest"]
    return replace(ours, name="scaling", code=code, environment=variables)


def _key(subject: Subject) -> str:
    return f"applib/{subject.digest}.zip"


def _point(cloud: Cloud, settings: FunctionSettings, subject: Subject, work: float, runs: int) -> Point:
    starts = [cold_start(cloud, settings) for _ in range(runs)]
    return Point(
        name=subject.name,
        packed=subject.packed,
        unpacked=subject.unpacked,
        files=subject.files,
        work=work,
        cloud=statistics.median(sample.cloud for _, sample in starts),
        runs=tuple(load_seconds(start) for start, _ in starts),
    )


def load_seconds(start: Start) -> float:
    """Return the seconds from the first request for an archive until its last file is written."""
    spans = [
        span for span in start.spans if span.item == "applib" and span.phase in ("fetch", "inflate", "verify", "write")
    ]
    return max(span.end for span in spans) - min(span.start for span in spans)


def summarize(found: Mapping[str, Sequence[Point]], left_out: Mapping[str, str]) -> Results:
    """Return this part's record for `results.json`.

    Args:
        found: the points of each link, synthetic and real ones each from small to large.
        left_out: why an archive was not measured.
    """
    links: dict[str, object] = {}
    goals: dict[str, object] = {}
    for link, points in found.items():
        series = {
            name: [_record(point, LINKS[link]) for point in points if bool(point.name) == real]
            for name, real in (("points", False), ("real", True))
        }
        growth = {name: slopes(records) for name, records in series.items()}
        links[link] = {
            **series,
            "slopes": [round(each, 2) for each in growth["points"]],
            "real_slopes": [round(each, 2) for each in growth["real"]],
        }
        steepest = max([*growth["points"], *growth["real"]])
        goals[f"steepest part of a growing load, times the limit's, {link}"] = goal(steepest, SLOPE)
    return {"left_out": dict(left_out), "links": links, "goals": goals}


def _record(point: Point, bandwidth: float) -> Results:
    cores = os.cpu_count() or 1
    limit = max(point.packed * 8 / bandwidth, point.work / cores)
    return {
        **asdict(point),
        "work": round(point.work, 2),
        "cloud": round(point.cloud, 2),
        "runs": [round(each, 3) for each in point.runs],
        "median": round(statistics.median(point.runs), 3),
        "limit": round(limit, 3),
        "here": round(max(limit, (point.work + point.cloud) / cores), 2),
    }


def slopes(records: Sequence[Results], bound: str = "limit") -> list[float]:
    """Return the growth of the load over that of a bound (`limit`, or `here`), from each size to the next."""
    return [(b["median"] - a["median"]) / (b[bound] - a[bound]) for a, b in pairwise(records)]
