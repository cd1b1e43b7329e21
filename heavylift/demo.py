"""`heavylift demo`: the whole way, offline, with real parts.

Stages, in order; each prints what it does and hands values to the next:

1. build: the applib, the model and the code package;
2. cloud: the embedded cloud on loopback, a bucket, both archives uploaded;
3. function: created from the built code package, with an initializer, and invoked twice;
4. comparison: the same function without an initializer, so that its first request loads;
5. report: the table, the pictures before and after, the start as a waterfall.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import oss2
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from heavylift.archives import Archive, is_uploaded, upload
from heavylift.build import Build, read_build, zip_code
from heavylift.embedded import EmbeddedCloud, Endpoints
from heavylift.errors import HeavyliftError
from heavylift.functions import FunctionService, FunctionSettings
from heavylift.invocation import Invocation
from heavylift.pictures import difference_from_transposed
from heavylift.roles import create_function_role
from heavylift.startlog import Start, find_starts
from heavylift.waterfall import draw

BUCKET = "heavylift-demo"
SERVICE = "heavylift"
PICTURE = "picture"  # the object that the example function writes
ARTICLE_WITH, ARTICLE_WITHOUT = 3_205, 14_159  # milliseconds, in the article that introduced the technique
MEMORY, CPU, DISK = 3072, 2.0, 10240  # MB, vCPU, MB
TIMEOUT, INITIALIZATION_TIMEOUT = 300, 300  # seconds
SHOWN = 0.01  # seconds; shorter steps are left out of the table
SAME_PICTURE = 4.0  # mean difference of two JPEG encodings of one picture, in levels of 255; others differ by dozens


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A fresh instance's first and second request."""

    name: str
    first: Invocation
    second: Invocation
    start: Start

    @property
    def loading(self) -> float:
        """Seconds that the platform spent in the initializer; 0 when the first request loads."""
        return self.start.seconds if self.start.mode == "initializer" else 0.0


def main(options: argparse.Namespace) -> int:
    """`heavylift demo`."""
    run(options.root.resolve(), Console())
    return 0


def run(root: Path, console: Console) -> None:
    """Run the demo and leave its pictures in `root/demo-out`.

    Args:
        root: the project's folder, with `dist` and `function` in it.
        console: where progress and the table go.

    Raises:
        HeavyliftError: a stage failed; the message says which and why.
    """
    begin = time.perf_counter()
    _rule(console, "1. build")
    build = _build(root)
    with tempfile.TemporaryDirectory(prefix="heavylift-demo-") as data:
        _rule(console, "2. embedded cloud")
        with EmbeddedCloud(Path(data), ["--fc-python", sys.executable]) as endpoints:
            console.print(f"OSS at {endpoints.oss}, Function Compute at {endpoints.fc}")
            bucket = make_bucket(endpoints)
            _upload(bucket, (build.applib, build.model), console, checkpoints=Path(data))
            _rule(console, "3. function")
            service = FunctionService(endpoints, SERVICE)
            service.create(role_arn=create_function_role(endpoints, bucket=BUCKET))
            settings = function_settings(build, endpoints)
            with_initializer = _run(service, settings, "with initializer", console)
            _check(with_initializer)
            after = bucket.get_object(PICTURE).read()
            _rule(console, "4. the same without an initializer: the first request loads")
            without = _run(
                service, replace(settings, name="rotate-plain", initializer=None), "without initializer", console
            )
            _check(without)
    _rule(console, "5. report")
    _report(root, build, (with_initializer, without), after, console)
    console.print(f"The demo took {time.perf_counter() - begin:.1f} s.")


def _rule(console: Console, title: str) -> None:
    console.rule(f"[bold]{title}", align="left")


def _build(root: Path) -> Build:
    # A process of its own: the build's progress bars and error messages are the build's.
    done = subprocess.run([sys.executable, "-m", "layers_build", "all"], cwd=root, check=False)
    if done.returncode:
        raise HeavyliftError("the build failed; its message is above")
    return read_build(root / "dist")


def make_bucket(endpoints: Endpoints) -> oss2.Bucket:
    """Create the demo's bucket; requests are signed with V4."""
    auth = oss2.AuthV4(endpoints.access_key_id, endpoints.access_key_secret)
    bucket = oss2.Bucket(auth, endpoints.oss, BUCKET, region=endpoints.region)
    bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    return bucket


def _upload(bucket: oss2.Bucket, archives: Iterable[Archive], console: Console, *, checkpoints: Path) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as progress:
        for archive in archives:
            task = progress.add_task(f"upload {archive.key[:28]}…", total=archive.size)
            if not is_uploaded(bucket, archive.key):
                upload(bucket, archive.path, archive.key, partial(_advance, progress, task), checkpoints=checkpoints)
            progress.update(task, completed=archive.size)


def _advance(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


def function_settings(build: Build, endpoints: Endpoints) -> FunctionSettings:
    """Return the example function as the demo creates it."""
    return FunctionSettings(
        name="rotate",
        code=zip_code(build.code),
        handler="loader.handler",
        initializer="loader.initializer",
        memory=MEMORY,
        cpu=CPU,
        disk=DISK,
        timeout=TIMEOUT,
        initialization_timeout=INITIALIZATION_TIMEOUT,
        runtime="python3.10",
        environment={
            "AppLibObject": build.applib.key,
            "AppLibDir": "/tmp/applib",  # noqa: S108 - an instance's /tmp is its own
            "AppLibDigest": build.applib.digest,
            "ModelObject": build.model.key,
            "ModelDir": "/tmp/model",  # noqa: S108 - an instance's /tmp is its own
            "ModelDigest": build.model.digest,
            "Bucket": BUCKET,
            "Endpoint": endpoints.oss,
            "Region": endpoints.region,
        },
    )


def _run(service: FunctionService, settings: FunctionSettings, name: str, console: Console) -> Run:
    service.create_function(settings)
    with console.status(f"invoking {settings.name} ({name}) on a fresh instance …"):
        first = service.invoke(settings.name)
    console.print(f"first request  {first.seconds:6.2f} s  {_summary(first)}", highlight=False)
    second = service.invoke(settings.name)
    console.print(f"second request {second.seconds:6.2f} s  {_summary(second)}", highlight=False)
    starts = find_starts(first.log_tail.splitlines())
    if len(starts) != 1:
        raise HeavyliftError(
            f"the log of the first request of {settings.name} holds {len(starts)} starts instead of one:\n{first.log_tail}"
        )
    return Run(name=name, first=first, second=second, start=starts[0])


def _summary(invocation: Invocation) -> str:
    if invocation.error_type:
        return f"{invocation.error_type}: {invocation.body.decode(errors='replace')[:300]}"
    answer = json.loads(invocation.body)
    return f"{answer['status']}: {answer['source']} -> {answer['target']}, {answer['width']} x {answer['height']}"


def _check(run: Run) -> None:
    for invocation in (run.first, run.second):
        if invocation.error_type or json.loads(invocation.body).get("status") != "success":
            raise HeavyliftError(
                f"the function failed {run.name}: {_summary(invocation)}\nits log ends with:\n{invocation.log_tail}"
            )


def _report(root: Path, build: Build, runs: tuple[Run, ...], after: bytes, console: Console) -> None:
    out = root / "demo-out"
    out.mkdir(exist_ok=True)
    before = (root / "function" / "pic" / "e2.jpg").read_bytes()
    (out / "before.jpg").write_bytes(before)
    (out / "after.jpg").write_bytes(after)
    draw(runs[0].start, out / "start.png", title="Start of an instance by its initializer")
    console.print(_table(runs))
    difference = difference_from_transposed(before, after)
    if difference > SAME_PICTURE:
        raise HeavyliftError(
            f"the object `{PICTURE}` is not the rotated input: the pixels differ by {difference:.1f} levels on average; "
            f"compare {out / 'before.jpg'} and {out / 'after.jpg'}"
        )
    console.print(
        f"`{PICTURE}` is the input with its axes exchanged (mean difference {difference:.2f} of 255 levels, from the "
        f"second JPEG encoding). Pictures: {out.name}/before.jpg, after.jpg, start.png."
    )
    console.print(
        f"The archives are {(build.applib.size + build.model.size) / 1e6:,.0f} MB packed and {build.unpacked / 1e6:,.0f} MB "
        f"unpacked. The article that introduced the technique measured {ARTICLE_WITHOUT:,} ms for a first request that "
        f"loads and {ARTICLE_WITH:,} ms for one that finds an initialized instance."
    )


def _table(runs: tuple[Run, ...]) -> Table:
    table = Table(title="Start and requests")
    table.add_column("")
    for each in runs:
        table.add_column(each.name, justify="right")

    def row(label: str, *cells: str, section: bool = False) -> None:
        table.add_row(label, *cells, end_section=section)

    row("initializer", *(_seconds(each.loading) if each.loading else "–" for each in runs))
    row("first request, handler alone", *(_milliseconds(each.first) for each in runs))
    row("second request, handler alone", *(_milliseconds(each.second) for each in runs))
    row("first request, seen by the caller", *(_seconds(each.first.seconds) for each in runs))
    row("second request, seen by the caller", *(_seconds(each.second.seconds) for each in runs), section=True)
    steps = dict.fromkeys((span.phase, span.item) for each in runs for span in each.start.spans)
    for phase, item in steps:
        seconds = [each.start.elapsed(phase, item) for each in runs]
        if max(seconds) >= SHOWN:
            row(f"{phase} {item}", *(_seconds(value) for value in seconds))
    row("the whole start", *(_seconds(each.start.seconds) for each in runs), section=True)
    row("fetched", *(_megabytes(each.start.fetched) for each in runs))
    row("unpacked", *(_megabytes(each.start.unpacked) for each in runs))
    row("files", *(f"{each.start.files:,}" for each in runs))
    row("peak disk", *(_megabytes(each.start.peak_disk) for each in runs))
    row("peak memory", *(_megabytes(each.start.peak_memory) for each in runs))
    row("peak memory before the import", *(_megabytes(each.start.memory_before_import) for each in runs))
    return table


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _milliseconds(invocation: Invocation) -> str:
    return f"{float(invocation.headers.get('x-fc-invocation-duration', 'nan')):,.0f} ms"


def _megabytes(value: int) -> str:
    return f"{value / 1e6:,.0f} MB"
