"""Part `libraries`: starts of functions with other large libraries, ours against the article's way and the plain zip of our files.

Each function (`libraries.toml`) is built as a user builds it: its libraries, its model where it has one, and a recording of a start
and one request. The ways take turns over one link. A library that cannot be had, built or started leaves its row out with the
reason.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import tomllib

from bench.archives import plain_archive, zip_installed
from bench.cloud import LINKS, Cloud, running_cloud
from bench.cpu import medians, spent_by_start
from bench.direct import archive_variables, function_settings
from bench.functions import FunctionSettings
from bench.measure import Sample, cold_start, in_turn
from bench.packages import peer_code
from bench.part import Part
from bench.results import Results, goal
from bench.scratch import TimedReporter
from bench.working_set import find_limit, packed_sizes
from heavylift.build.build import build
from heavylift.build.errors import BuildError
from heavylift.build.options import Options
from heavylift.contracts.manifest import Archive, Build, read_build
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, Target
from heavylift.errors import HeavyliftError

TABLE = Path(__file__).with_suffix(".toml")
LINK = "1 Gbit/s"
FASTER = 5.0  # times, at least
READY: Mapping[str, float] = {"torch": 60.0}  # MB packed before a start is ready, at most
WORKING_SET = "working_set"
LABELS = {
    "ours": "heavylift",
    WORKING_SET: "heavylift, working set",
    "article": "the article's way, as pip installs",
    "plain": "the article's way, with our files",
}

Starts = Mapping[str, Sequence[Sample]]  # by way


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One function: its libraries and its code."""

    name: str
    does: str
    requirements: tuple[str, ...]
    code: str
    model: str = ""  # a file of its model, in hex


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The measurements of one function."""

    does: str
    versions: Mapping[str, str]  # of the required libraries
    packed: int  # bytes of our archive
    unpacked: int  # bytes of its files
    installed: int  # bytes of the article's zip
    working_set: int  # bytes of our archive that no start avoids
    spent: Mapping[str, float]  # CPU seconds of a start, measured on their own; see `bench.cpu`
    starts: Starts


def run(part: Part) -> Results:
    """Build and measure each function."""
    rows: dict[str, Row] = {}
    left_out: dict[str, str] = {}
    with running_cloud(part.folder) as cloud:
        cloud.shape(LINKS[LINK])
        for case in read_cases():
            folder = part.folder / "case"
            folder.mkdir()
            try:
                rows[case.name] = _measure(part, case, cloud, folder)
            except (HeavyliftError, BuildError) as error:
                left_out[case.name] = " ".join(str(error).replace(f"{folder}/", "").split())[:400]
            shutil.rmtree(folder)
    return summarize(rows, left_out, runs=part.runs)


def read_cases() -> tuple[Case, ...]:
    """Return all functions, in the table's order."""
    record = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(
        Case(name=name, **{**fields, "requirements": tuple(fields["requirements"])}) for name, fields in record.items()
    )


def _measure(part: Part, case: Case, cloud: Cloud, folder: Path) -> Row:
    with part.console.status(f"libraries: building {case.name} …"):
        built = build_case(case, folder)
    with part.console.status(f"libraries: packing {case.name} as the others do (one thread, zlib) …"):
        lock = next((folder / "locks").glob("*.txt"))
        with ThreadPoolExecutor() as pool:
            zipped = pool.submit(zip_installed, lock, folder)
            plain = plain_archive(built.applib, folder)
            installed = zipped.result()
        model = plain_archive(built.model, folder) if built.model else None
    archives = [*built.archives, installed, plain, *([model] if model else [])]
    for archive in archives:
        cloud.upload(archive.path, archive.key)
    ways = _ways(built, cloud, folder, installed, plain, model)
    os.sync()  # what was written would slow the first runs alone
    starts: dict[str, list[Sample]] = {way: [] for way in ways}
    spent = []
    for number in range(part.runs):
        spent.append(spent_by_start(built))
        for way in in_turn(ways, number):
            with part.console.status(f"libraries: {case.name}, run {number + 1} of {part.runs}: {way} …"):
                starts[way].append(cold_start(cloud, ways[way])[1])
    for archive in archives:
        cloud.bucket.delete_object(archive.key)
    found = {name.lower(): version for name, version in built.applib.versions.items()}
    names = [each.partition("=")[0] for each in case.requirements]
    return Row(
        does=case.does,
        versions={name: found[name] for name in names},
        packed=built.applib.packed,
        unpacked=built.applib.unpacked,
        installed=installed.packed,
        working_set=packed_sizes(built.applib.path)["working_set"],
        spent=medians(spent),
        starts=starts,
    )


def build_case(case: Case, folder: Path) -> Build:
    """Build a function, with a recording of a start and one request.

    Args:
        case: the function.
        folder: receives its project, and the build in `dist`.

    Raises:
        BuildError: it cannot be built, or its start cannot be recorded.
    """
    requirements, code, model = folder / "requirements.txt", folder / "function", folder / "model"
    requirements.write_text("\n".join([*_wheels(case, folder), *case.requirements, ""]), encoding="utf-8")
    code.mkdir()
    (code / "index.py").write_text(case.code.lstrip(), encoding="utf-8")
    if case.model:
        model.mkdir()
        (model / "add.onnx").write_bytes(bytes.fromhex(case.model))
    event = folder / "event"
    event.write_bytes(b"")
    options = Options(
        root=folder,
        target=Target(LOCAL_PYTHON, DEFAULT_PLATFORM),
        requirements=requirements,
        model=model if case.model else None,
        code=code,
        record=(event,),
    )
    build(options, TimedReporter())
    return read_build(options.dist)


def _wheels(case: Case, folder: Path) -> list[str]:
    """Have pip find the libraries that no public index has; return the line that says where they are.

    Raises:
        BuildError: it does not find them.
    """
    labelled = [each for each in case.requirements if "+" in each]
    if not labelled:
        return []
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "wheels")]
    done = subprocess.run([*command, *labelled], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BuildError(f"pip finds no {', '.join(labelled)} ({reason}); name an index that has it in its settings")
    return ["--find-links wheels"]


def _ways(
    built: Build, cloud: Cloud, folder: Path, installed: Archive, plain: Archive, model: Archive | None
) -> dict[str, FunctionSettings]:
    ours = function_settings(built, cloud.endpoints)
    code = peer_code(built.code.path, folder)
    patient = {**ours.environment, "LoadMode": "working-set"}
    ways = {"ours": ours, WORKING_SET: replace(ours, name="working-set", environment=patient)}
    for way, archive in (("article", installed), ("plain", plain)):
        variables = {**ours.environment, **archive_variables("Model", model), "AppLibObject": archive.key}
        variables["BenchWay"] = "article"
        ways[way] = replace(ours, name=way, initializer=None, code=code, environment=variables)
    return ways


def summarize(rows: Mapping[str, Row], left_out: Mapping[str, str], *, runs: int) -> Results:
    """Return this part's record for `results.json`.

    Args:
        rows: the measurements of each function.
        left_out: why a function has none.
        runs: of each way.
    """
    libraries: dict[str, object] = {}
    goals: dict[str, object] = {}
    for name, row in rows.items():
        seconds = {way: [each.seconds for each in starts] for way, starts in row.starts.items()}
        typical = {way: statistics.median(values) for way, values in seconds.items()}
        ready = max(each.fetched for each in row.starts[WORKING_SET])
        libraries[name] = {
            "does": row.does,
            "versions": dict(row.versions),
            "packed": row.packed,
            "unpacked": row.unpacked,
            "installed": row.installed,
            "ready": ready,
            "limit": round(find_limit(row.working_set, LINKS[LINK], row.spent, os.cpu_count() or 1), 2),
            "import": round(row.spent["import"], 2),
            "median": {way: round(value, 2) for way, value in typical.items()},
            "worst": {way: round(max(values), 2) for way, values in seconds.items()},
            "runs": {way: [round(each, 3) for each in values] for way, values in seconds.items()},
        }
        for way, words in (("article", "the article's way"), ("plain", "the plain zip")):
            ratio = typical[way] / typical[WORKING_SET]
            goals[f"times faster than {words}, working set, {name}"] = goal(ratio, FASTER, more=True)
        if name in READY:
            goals[f"packed MB before ready, working set, {name}"] = goal(ready / 1e6, READY[name])
    return {
        "runs": runs,
        "link": LINK,
        "labels": LABELS,
        "libraries": libraries,
        "left_out": dict(left_out),
        "goals": goals,
    }
