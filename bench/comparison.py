"""Part `start`: cold starts over shaped links, ours and other ways, against the limit of the hardware.

The same libraries and the same instances. The limit of a start is `max(bytes / bandwidth, CPU seconds / cores)`, with the CPU
seconds of verify, inflate, write and import measured on their own (`bench.cpu`), once in each round; their medians count.
A start that waits for its working set alone has another limit (`bench.working_set`). What memory costs is measured as well
(`bench.memory`), and is not in the limit.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from mmap import PAGESIZE
from pathlib import Path

from bench import working_set
from bench.archives import find_lock, model_of, plain_archive, tar_archive, zip_installed
from bench.cloud import LINKS, Cloud, running_cloud
from bench.cpu import medians, spent_by_start
from bench.direct import BUCKET, function_settings
from bench.functions import FunctionSettings, StoredCode
from bench.measure import Sample, cold_start, in_turn, timings
from bench.memory import touch_costs
from bench.packages import add_archive, add_sdk, peer_code
from bench.part import Part
from bench.results import Results, goal
from heavylift.contracts.manifest import Archive, Build
from heavylift.errors import HeavyliftError
from heavylift.runtime.settings import WORKING_SET

# What is wanted: times faster than the article's way, times the limit at most (by link), times a later request at most, MB at most.
FASTER, FIRST, MEMORY, DISK = 8.0, 1.3, 128.0, 1.0
LIMIT: Mapping[str, float] = {"1 Gbit/s": 1.08, "5 Gbit/s": 1.2}
LABELS = {
    "ours": "heavylift",
    working_set.WAY: "heavylift, working set",
    "article": "the article's way, as pip installs",
    "plain": "the article's way, with our files",
    "resumable": "oss2.resumable_download, zipfile",
    "v2": "alibabacloud-oss-v2 Downloader, unzip",
    "tar": "tar.gz streamed (Zappa's slim_handler)",
    "package": "zip already in the code package (serverless-python-requirements)",
}
NOTES = {
    "article": "The article's zip holds no compiled modules, which pip would have added: `zipfile` does not restore times, so "
    "Python would take them for stale and compile anew, after a larger zip had come.",
    "package": "The zip in the code package costs no download here: the platform fetches and unpacks code packages before the "
    "process starts, which is not in these seconds. Function Compute takes such a package (up to 500 MB zipped) from OSS only, in "
    "its larger regions; elsewhere the limit is 100 MB, and it would refuse this one.",
}
CODE_KEY = "code/package.zip"

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]  # by link and way


def run(part: Part) -> Results:
    """Measure all ways over all links."""
    samples, spent, touches, left_out = _samples(part)
    sizes = {**working_set.packed_sizes(part.build.applib.path), "unpacked": part.build.unpacked}
    return summarize(samples, medians(spent), medians(touches), sizes=sizes, runs=part.runs, left_out=left_out)


def _samples(part: Part) -> tuple[Samples, list[dict[str, float]], list[dict[str, float]], dict[str, str]]:
    build, folder = part.build, part.folder
    with part.console.status("start: packing as the others do (one thread, zlib): a few minutes …"):
        installed, plain = zip_installed(find_lock(part.root), folder), plain_archive(build.applib, folder)
        model = plain_archive(model_of(build), folder)
        tar = tar_archive(plain, folder)
    with running_cloud(folder) as cloud:
        for archive in (*build.archives, model, installed, plain, tar):
            cloud.upload(archive.path, archive.key)
        left_out: dict[str, str] = {}
        keys = {"article": installed.key, "plain": plain.key, "resumable": plain.key, "v2": plain.key}
        keys |= {"tar": tar.key, "package": plain.key}
        ways = _ways(build, cloud, folder, plain, {"ModelObject": model.key}, keys, left_out)
        os.sync()  # what the uploads left to be written would slow the first runs alone
        samples: dict[str, dict[str, list[Sample]]] = {link: {way: [] for way in ways} for link in LINKS}
        spent, touches = [], []
        for link, bandwidth in LINKS.items():
            cloud.shape(bandwidth)
            for number in range(part.runs):
                for way in in_turn(ways, number):
                    if way not in left_out:
                        with part.console.status(f"start: {link}, run {number + 1} of {part.runs}: {way} …"):
                            _take(cloud, way, ways[way], samples[link], left_out)
                with part.console.status("start: measuring CPU seconds on their own …"):
                    spent.append(spent_by_start(build))  # in each round: a machine is not equally fast all the time
                    touches.append(touch_costs())
    kept = {
        link: {way: starts for way, starts in found.items() if way not in left_out} for link, found in samples.items()
    }
    return kept, spent, touches, left_out


def _ways(
    build: Build,
    cloud: Cloud,
    folder: Path,
    plain: Archive,
    common: Mapping[str, str],
    keys: Mapping[str, str],
    left_out: dict[str, str],
) -> dict[str, FunctionSettings]:
    ours, code = function_settings(build, cloud.endpoints), peer_code(build.code.path, folder)
    codes: dict[str, bytes | StoredCode] = {}
    stored = add_archive(code, plain, folder / "package.zip")
    cloud.upload(stored, CODE_KEY)
    codes["package"] = StoredCode(bucket=BUCKET, key=CODE_KEY)
    try:
        codes["v2"] = add_sdk(folder / "code")
    except HeavyliftError as error:
        left_out["v2"] = str(error)
        codes["v2"] = code
    patient = {**ours.environment, "LoadMode": WORKING_SET}
    ways = {"ours": ours, working_set.WAY: replace(ours, name="working-set", environment=patient)}
    for way, key in keys.items():
        variables = {
            **ours.environment,
            **common,
            "AppLibObject": key,
            "BenchWay": "article" if way == "plain" else way,
        }
        ways[way] = replace(ours, name=way, initializer=None, code=codes.get(way, code), environment=variables)
    try:
        # Another function with this package keeps it unpacked: otherwise hundreds of megabytes would be written before each start.
        cloud.service.create_function(replace(ways["package"], name="keeper"))
    except Exception as error:  # noqa: BLE001 - whatever the platform's client raises is the answer of that way
        left_out["package"] = _in_short(error)
    return ways


def _take(
    cloud: Cloud,
    way: str,
    settings: FunctionSettings,
    samples: dict[str, list[Sample]],
    left_out: dict[str, str],
) -> None:
    try:
        start, sample = cold_start(cloud, settings)
        if way == working_set.WAY and start.pages is None:
            raise HeavyliftError("this machine loads no library by pages")
        samples[way].append(sample)
    except Exception as error:
        if way == "ours":
            raise
        left_out[way] = _in_short(error)


def _in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:400]


def summarize(
    samples: Samples,
    spent: Mapping[str, float],
    touches: Mapping[str, float],
    *,
    sizes: Mapping[str, int],
    runs: int,
    left_out: Mapping[str, str] | None = None,
) -> Results:
    """Return this part's record for `results.json`.

    Args:
        samples: the starts of each link and way.
        spent: CPU seconds and memory, measured on their own.
        touches: microseconds for the first touch of a page; see `touch_costs`.
        sizes: bytes of our archive, `packed` and `working_set`, and `unpacked` (with the model, as a file system counts).
        runs: of each way and link.
        left_out: why a way has no samples.
    """
    cores = os.cpu_count() or 1
    links: dict[str, object] = {}
    goals: dict[str, object] = {}
    for link, bandwidth in LINKS.items():
        wire, work = sizes["packed"] * 8 / bandwidth, (spent["load"] + spent["import"]) / cores
        limit = max(wire, work)
        cloud = statistics.median(each.cloud for each in samples[link]["ours"])
        machine = statistics.median(each.machine for each in samples[link]["ours"])
        bounds = {"limit": limit, "wire": wire, "work": work, "here": max(limit, work + cloud / cores)}
        bounds |= {"cloud": cloud, "machine": machine, "parts": spent["load"] + spent["import"] + cloud}
        typical = {way: statistics.median(each.seconds for each in starts) for way, starts in samples[link].items()}
        if "article" in typical:
            ratio = typical["article"] / typical["ours"]
            goals[f"times faster than the article's way, {link}"] = goal(ratio, FASTER, more=True)
        goals[f"times the limit, {link}"] = goal(typical["ours"] / limit, LIMIT[link])
        if working_set.WAY in typical:
            bounds["ready"] = working_set.find_limit(sizes["working_set"], bandwidth, spent, cores)
            goals |= working_set.link_goals(link, typical, bounds["ready"])
        links[link] = {**{name: round(value, 2) for name, value in bounds.items()}, **timings(samples[link])}
    ours, patient = (_all(samples, way) for way in ("ours", working_set.WAY))
    goals["first request, times a later one"] = goal(working_set.times_later(ours), FIRST)
    ready = working_set.ready_sizes(patient) if patient else None
    if ready:
        goals["first request, times a later one, working set"] = goal(working_set.times_later(patient), FIRST)
        goals |= working_set.size_goals(ready)
    own = statistics.median(each.peak_memory for each in ours) - spent["import_memory"]
    counted = statistics.median(each.platform_memory for each in ours) - spent["import_anonymous"]
    goals["memory beyond the import's, MB: as the start counts"] = goal(own / 1e6, MEMORY)
    goals["memory beyond the import's, MB: as the platform counts"] = goal(counted / 1e6, MEMORY)
    disk = max(each.platform_disk for each in ours)
    goals["disk beyond the unpacked files, MB"] = goal((disk - sizes["unpacked"]) / 1e6, DISK)
    return {
        "runs": runs,
        "labels": {way: LABELS[way] for way in LABELS if way in samples[next(iter(samples))]},
        "notes": [note for way, note in NOTES.items() if way not in (left_out or {})],
        "left_out": {LABELS[way]: reason for way, reason in (left_out or {}).items()},
        "archive": dict(sizes),
        **({"ready": ready} if ready else {}),
        "alone": {name: round(value, 2) for name, value in spent.items()},
        "disk": {"platform": disk, "counted": max(each.counted_disk for each in ours)},
        # The platform counts memory that no file backs: what the files take is not counted twice.
        "pages": round((sizes["unpacked"] + statistics.median(each.platform_memory for each in ours)) / PAGESIZE),
        "touches": {name: round(value, 1) for name, value in touches.items()},
        "memory": {"start": [o.peak_memory for o in ours], "platform": [o.platform_memory for o in ours]},
        "links": links,
        "goals": goals,
    }


def _all(samples: Samples, way: str) -> list[Sample]:
    """Return the starts of a way over all links."""
    return list(chain.from_iterable(found.get(way, ()) for found in samples.values()))
