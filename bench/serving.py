"""Part `cloud`: measures the embedded cloud itself, and its OSS beside nginx, which serves the same bytes to the same client.

A start until the ready line, of an empty folder and again; memory while nothing happens; GETs of 4 MiB out of a large object and
of small objects, signed with V4; listings of many keys. nginx checks no signature, asks no policy and reads no database: it is what
the machine gives. It is left out where there is none (Debian: `nginx-light`).
"""

from __future__ import annotations

import compileall
import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import oss2
import psutil

import localcloud
from bench.client import Address, send_all, signed
from bench.direct import BUCKET, make_bucket
from bench.nginx import find_nginx, running_nginx
from bench.part import Part
from bench.results import Results, goal
from heavylift.clouds.embedded import EmbeddedCloud

# What is wanted: seconds at most, MB at most, of nginx's rate at least, GETs a second of one core at least, keys a second at least.
START, IDLE, RANGED, SMALL, LISTED = 0.5, 50.0, 0.8, 3000.0, 50_000.0
RANGE = 4 * 1024**2  # bytes of a GET out of the large object
LITTLE = 1024  # bytes of a small object
PAGE = 1000  # keys
REST = 3.0  # seconds until memory is looked at
MISSING = "nginx is not on this machine (Debian: apt-get install nginx-light)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """The amounts of one run."""

    large: int = 256 * 1024**2  # bytes of the large object
    ranges: int = 256  # GETs out of it
    connections: int = 4  # at once, for these
    small: int = 4000  # GETs of a small object, over one connection
    folders: int = 100  # common prefixes
    keys: int = 1000  # in each


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A start of the embedded cloud."""

    seconds: float  # until it is ready
    busy: float  # CPU seconds until then
    memory: int  # bytes that the process and its children hold some seconds later, their share of what others have, too


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """The rates of one server in one run."""

    ranged: float  # bytes a second
    one: float  # likewise, over one connection
    small: float  # GETs a second
    small_core: float  # GETs a CPU second of the server


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The listings of one run."""

    flat: float  # keys a second, in pages
    prefix: float  # likewise, of one folder
    rolled: float  # seconds of one page with all folders as common prefixes


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One run."""

    first: Start  # in an empty folder
    again: Start  # in one that was used
    ours: Rates
    nginx: Rates | None
    listing: Listing


def run(part: Part) -> Results:
    """Measure the runs in turn."""
    return summarize(measure(part.folder, part.runs, Amounts()))


def measure(folder: Path, runs: int, amounts: Amounts) -> list[Sample]:
    """Measure everything `runs` times; `folder` gets what that needs."""
    # As pip leaves a package: PYTHONDONTWRITEBYTECODE would have each start compile the modules that changed lately.
    compileall.compile_dir(Path(localcloud.__file__).parent, quiet=1)
    with ExitStack() as stack:
        data = folder / "cloud"
        fill(data, amounts)
        process, bucket = stack.enter_context(running(data))
        address = urlsplit(bucket.endpoint)
        ours = ((str(address.hostname), int(address.port or 80)), process)
        program = find_nginx()
        nginx = stack.enter_context(_nginx(program, data, folder)) if program else None
        samples = []
        for number in range(runs):
            empty = folder / f"start-{number}"
            samples.append(
                Sample(
                    first=_start(empty),
                    again=_start(empty),
                    ours=_rates(*ours, bucket, amounts),
                    nginx=_rates(*nginx, bucket, amounts) if nginx else None,
                    listing=_list(ours[0], bucket, amounts),
                )
            )
    return samples


@contextmanager
def running(data: Path) -> Iterator[tuple[psutil.Process, oss2.Bucket]]:
    """Run an embedded cloud, and yield its process and its bucket."""
    with EmbeddedCloud(data) as endpoints:
        pid = json.loads((data / "endpoints.json").read_text())["pid"]
        yield psutil.Process(pid), make_bucket(endpoints)


def fill(data: Path, amounts: Amounts) -> None:
    """Put a large object and a small one, and many keys, of which each is the small one again, into the bucket of a folder."""
    with running(data) as (_, bucket):
        bucket.put_object("large", bytes(range(256)) * (amounts.large // 256))
        bucket.put_object("small", bytes(LITTLE))
    # Each by a request would take minutes.
    database = sqlite3.connect(data / "oss" / "oss.sqlite3", isolation_level=None)
    database.execute(
        "WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < ? - 1) "
        "INSERT INTO objects SELECT bucket, CAST(printf('keys/%05d/%05d', number / ?, number % ?) AS BLOB), data, size, etag, "
        "crc64, modified, kind, headers, acl, tagging FROM objects, numbers WHERE key = CAST('small' AS BLOB)",
        (amounts.folders * amounts.keys, amounts.keys, amounts.keys),
    )
    database.close()


@contextmanager
def _nginx(program: str, data: Path, folder: Path) -> Iterator[tuple[Address, psutil.Process]]:
    """Run nginx on the data files of the two objects, at the paths that OSS has them at."""
    root = folder / "nginx" / BUCKET
    root.mkdir(parents=True)
    for path in (data / "oss" / "data").iterdir():
        (root / ("small" if path.stat().st_size == LITTLE else "large")).symlink_to(path)
    with running_nginx(program, root.parent, folder / "nginx-own") as running:
        yield running


def _start(data: Path) -> Start:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        seconds = time.perf_counter() - begin
        assert ready, "the embedded cloud did not start"
        watched = psutil.Process(process.pid)
        times = watched.cpu_times()
        time.sleep(REST)
        tree = [watched, *watched.children(recursive=True)]
        memory = sum(each.memory_full_info().pss for each in tree)
        busy = times.user + times.system + times.children_user + times.children_system
        return Start(seconds=seconds, busy=busy, memory=memory)
    finally:
        process.terminate()
        process.communicate()


def _rates(address: Address, server: psutil.Process, bucket: oss2.Bucket, amounts: Amounts) -> Rates:
    ranges = [_range(bucket, number * RANGE % amounts.large) for number in range(amounts.ranges)]
    send_all(address, ranges[:8], connections=1)  # the first ones find files and code that nobody has looked at lately
    ranged = send_all(address, ranges, connections=amounts.connections)
    one = send_all(address, ranges, connections=1)
    small = [signed(bucket, lambda each: each.get_object("small"))] * amounts.small
    send_all(address, small[:100], connections=1)
    before = _busy(server)
    seconds = send_all(address, small, connections=1)
    busy = _busy(server) - before
    return Rates(
        ranged=amounts.ranges * RANGE / ranged,
        one=amounts.ranges * RANGE / one,
        small=amounts.small / seconds,
        small_core=amounts.small / max(busy, 0.01),
    )


def _range(bucket: oss2.Bucket, begin: int) -> bytes:
    return signed(bucket, lambda each: each.get_object("large", byte_range=(begin, begin + RANGE - 1)))


def _busy(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def _list(address: Address, bucket: oss2.Bucket, amounts: Amounts) -> Listing:
    def page(prefix: str, delimiter: str, marker: str) -> bytes:
        return signed(
            bucket,
            lambda each: each.list_objects(prefix=prefix, delimiter=delimiter, marker=marker, max_keys=PAGE),
        )

    count = amounts.folders * amounts.keys
    names = [f"keys/{number // amounts.keys:05}/{number % amounts.keys:05}" for number in range(count)]
    flat = [page("keys/", "", marker) for marker in ["", *names[PAGE - 1 : -1 : PAGE]]]
    folder = [page("keys/00001/", "", "")] * 10
    return Listing(
        flat=count / send_all(address, flat, connections=1),
        prefix=len(folder) * min(PAGE, amounts.keys) / send_all(address, folder, connections=1),
        rolled=send_all(address, [page("keys/", "/", "")], connections=1),
    )


def summarize(samples: Sequence[Sample]) -> Results:
    """Return this part's record for `results.json`."""
    ours = _medians([each.ours for each in samples])
    theirs = [each.nginx for each in samples if each.nginx]
    nginx = _medians(theirs) if theirs else None
    first, again = (_medians([getattr(each, name) for each in samples]) for name in ("first", "again"))
    listing = _medians([each.listing for each in samples])
    goals = {
        "start of the embedded cloud, seconds": goal(first["seconds"], START),
        "start of the embedded cloud, CPU seconds": goal(first["busy"], START),
        "memory of the idle embedded cloud, MB": goal(first["memory"] / 1e6, IDLE),
        "GETs of 1 KB from the embedded OSS, a second of one core": goal(ours["small_core"], SMALL, more=True),
        "keys listed by the embedded OSS, a second": goal(listing["flat"], LISTED, more=True),
    }
    if nginx:
        goals["GETs of 4 MiB from the embedded OSS, times nginx's rate"] = goal(
            ours["ranged"] / nginx["ranged"], RANGED, more=True
        )
    return {
        "runs": len(samples),
        "first": first,
        "again": again,
        "ours": ours,
        "nginx": nginx,
        "listing": listing,
        "samples": [asdict(each) for each in samples],
        "left_out": {} if nginx else {"nginx": MISSING},
        "goals": goals,
    }


def _medians(records: Sequence[Start | Rates | Listing]) -> dict[str, float]:
    found = [asdict(each) for each in records]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}
