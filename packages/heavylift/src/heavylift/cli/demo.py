"""`heavylift demo`: the whole way, offline, with real parts, by the commands that a user types.

Stages, in order; each prints what it does and hands values to the next:

1. build: the applib, the model and the code package;
2. deploy: the stack, to an embedded cloud that lives as long as the demo;
3. invoke: twice; the platform runs the initializer once;
4. event: a picture is uploaded, and its rotated copy appears;
5. update: no difference, then a changed setting (no initializer: the first request loads), its difference, and the update;
6. report: the table, the pictures before and after, the start as a waterfall, and the part of this machine in its seconds;
7. destroy: nothing is left.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oss2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heavylift.cli.output import make_console
from heavylift.cli.pictures import difference_from_transposed
from heavylift.clouds import assembly
from heavylift.clouds.embedded import EmbeddedCloud
from heavylift.clouds.invocation import FunctionName, Invocation, find_function, invoke
from heavylift.clouds.ros import Ros
from heavylift.clouds.session import Session, local_session
from heavylift.contracts.manifest import Build, read_build
from heavylift.contracts.startlog import Start, find_starts
from heavylift.errors import HeavyliftError
from heavylift.report.limit import limit_of
from heavylift.report.surroundings import Surroundings, cpu_seconds, first_touch
from heavylift.report.waterfall import draw

PICTURE = "picture"  # the object that the example function writes
UPLOADED, ROTATED = "incoming/demo.jpg", "rotated/demo.jpg"
CHANGE = "initializer=false"  # the setting that the demo changes
ARTICLE_WITH, ARTICLE_WITHOUT = 3_205, 14_159  # milliseconds, in the article that introduced the technique
TOUCHED = 16_384  # pages that are touched to see what that costs: few beside those of a start
EVENT_SECONDS = 60  # in which an upload must have led to its rotated copy
SHOWN = 0.01  # seconds; shorter steps are left out of the table
SAME_PICTURE = 4.0  # mean difference of two JPEG encodings of one picture, in levels of 255; others differ by dozens


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshRun:
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
    """Run `heavylift demo`."""
    run(options.root.resolve(), make_console())
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
    if not (root / "layers_build" / "__main__.py").exists():
        raise HeavyliftError(
            f"{root} is no clone of heavylift, whose example the demo shows: `heavylift init --example rotate mine` writes it"
            " as a project, `heavylift deploy` there deploys it"
        )
    project = assembly.read_project(root)
    stack = assembly.stack_name(project.context) or "heavylift"
    _rule(console, "1. build")
    build = _build(root)
    picture = (root / "function" / "pic" / "e2.jpg").read_bytes()
    with tempfile.TemporaryDirectory(prefix="heavylift-demo-") as name:
        data = Path(name) / "cloud"
        cloud = EmbeddedCloud(data)
        with cloud as endpoints:
            session = local_session(endpoints, data)
            commands = Commands(root, data, console)
            _rule(console, "2. deploy")
            commands.run("deploy")
            ros = Ros(session.ros_client(), session.region)
            deployed = ros.find(stack)
            bucket = session.bucket(str(deployed.outputs["BucketName"]))
            function = find_function(ros, deployed, None)
            _rule(console, "3. invoke: the platform runs the initializer once")
            os.sync()  # what build and deployment left for the disk would be written during the start
            touch, busy = first_touch(TOUCHED), cpu_seconds(cloud.pid)
            with_initializer = _run(session, function, "with initializer", console)
            around = Surroundings(
                cores=os.cpu_count() or 1,
                cloud=cpu_seconds(cloud.pid) - busy,
                touch=touch,
                unpacked=with_initializer.start.unpacked,
            )
            after = bucket.get_object(PICTURE).read()
            _rule(console, f"4. event: {UPLOADED} is uploaded")
            _upload_and_wait(bucket, picture, console)
            _rule(console, "5. update: a setting changes")
            commands.run("diff", "--exit-code")
            commands.run("diff", "-c", CHANGE)
            commands.run("deploy", "-c", CHANGE)
            without = _run(session, function, "without initializer", console)
            _rule(console, "6. report")
            _report(root, build, (with_initializer, without), picture, after, console)
            console.print(around.explain())
            _rule(console, "7. destroy")
            commands.run("destroy")
            _check_nothing_is_left(session, ros, console)
    console.print(f"The demo took {time.perf_counter() - begin:.1f} s: {commands.summary()}.", soft_wrap=True)


class Commands:
    """Runs `heavylift`'s own commands as a user would, and records their times.

    Args:
        root: the project's folder.
        data: of the embedded cloud.
        console: where the command lines are shown.
    """

    def __init__(self, root: Path, data: Path, console: Console) -> None:
        self._common = ("--project", str(root), "--data", str(data))
        self._console = console
        self._times: list[str] = []

    def run(self, *words: str) -> None:
        """Run one command.

        Raises:
            HeavyliftError: it did not exit with 0.
        """
        line = f"heavylift {' '.join(words)}"
        self._console.print(Text(f"$ {line}", style="bold"), soft_wrap=True)
        begin = time.perf_counter()
        # A process of its own, as a user would start it: its time is what a user waits.
        done = subprocess.run([sys.executable, "-m", "heavylift", *words, *self._common], check=False)
        if done.returncode:
            raise HeavyliftError(f"`{line}` exited with {done.returncode}; its message is above")
        self._times.append(f"{line} {time.perf_counter() - begin:.1f} s")

    def summary(self) -> str:
        """Return the commands and their times."""
        return ", ".join(self._times)


def _rule(console: Console, title: str) -> None:
    console.rule(Text(title, style="bold"), align="left")


def _build(root: Path) -> Build:
    # A process of its own: the build's progress bars and error messages are the build's.
    done = subprocess.run([sys.executable, "-m", "layers_build", "all"], cwd=root, check=False)
    if done.returncode:
        raise HeavyliftError("the build failed; its message is above")
    return read_build(root / "dist")


def _run(session: Session, function: FunctionName, name: str, console: Console) -> FreshRun:
    with console.status(Text(f"invoking {function.name} ({name}) on a fresh instance …")):
        first = invoke(session, function, b"", timeout=600)
    console.print(f"first request  {first.seconds:6.2f} s  {_summary(first)}", soft_wrap=True)
    second = invoke(session, function, b"", timeout=600)
    console.print(f"second request {second.seconds:6.2f} s  {_summary(second)}", soft_wrap=True)
    for invocation in (first, second):
        if invocation.error_type or json.loads(invocation.body).get("status") != "success":
            raise HeavyliftError(
                f"the function failed {name}: {_summary(invocation)}\nits log ends with:\n{invocation.log_tail}"
            )
    starts = find_starts(first.log_tail.splitlines())
    if len(starts) != 1:
        raise HeavyliftError(
            f"the log of the first request {name} holds {len(starts)} starts instead of one:\n{first.log_tail}"
        )
    return FreshRun(name=name, first=first, second=second, start=starts[0])


def _summary(invocation: Invocation) -> str:
    if invocation.error_type:
        return f"{invocation.error_type}: {invocation.body.decode(errors='replace')[:300]}"
    answer = json.loads(invocation.body)
    return f"{answer['status']}: {answer['source']} -> {answer['target']}, {answer['width']} x {answer['height']}"


def _upload_and_wait(bucket: oss2.Bucket, picture: bytes, console: Console) -> None:
    begin = time.perf_counter()
    bucket.put_object(UPLOADED, picture)
    while not bucket.object_exists(ROTATED):
        if time.perf_counter() - begin > EVENT_SECONDS:
            raise HeavyliftError(f"{ROTATED} did not appear within {EVENT_SECONDS} s; `heavylift logs` tells more")
        time.sleep(0.02)
    console.print(f"{ROTATED} appeared {time.perf_counter() - begin:.2f} s later")


def _check_nothing_is_left(session: Session, ros: Ros, console: Console) -> None:
    left: dict[str, Callable[[], list[str]]] = {
        "stacks": lambda: [stack.name for stack in ros.stacks()],
        "buckets": lambda: [each.name for each in oss2.BucketIterator(_service(session))],
        "services": lambda: [each.service_name for each in _services(session.fc2_client())],
    }
    for what, find in left.items():
        if names := find():
            raise HeavyliftError(f"destroy left {what}: {', '.join(names)}")
    console.print("nothing is left: no stacks, no buckets, no services")


def _service(session: Session) -> oss2.Service:
    bucket = session.bucket("any")
    return oss2.Service(bucket.auth, session.oss, region=session.region)


def _services(client: Any) -> list[Any]:  # noqa: ANN401 - the official client is untyped
    from alibabacloud_fc_open20210406.models import ListServicesRequest

    return client.list_services(ListServicesRequest()).body.services or []


def _report(
    root: Path, build: Build, runs: tuple[FreshRun, ...], before: bytes, after: bytes, console: Console
) -> None:
    out = root / "demo-out"
    out.mkdir(exist_ok=True)
    (out / "before.jpg").write_bytes(before)
    (out / "after.jpg").write_bytes(after)
    limit = limit_of(runs[0].start)
    draw(
        runs[0].start,
        out / "start.png",
        title="Start of an instance by its initializer",
        limit=limit.seconds if limit else None,
    )
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
    packed = sum(archive.packed for archive in build.archives)
    console.print(
        f"The archives are {packed / 1e6:,.0f} MB packed and {build.unpacked / 1e6:,.0f} MB "
        f"unpacked. The article that introduced the technique measured {ARTICLE_WITHOUT:,} ms for a first request that "
        f"loads and {ARTICLE_WITH:,} ms for one that finds an initialized instance."
    )


def _table(runs: tuple[FreshRun, ...]) -> Table:
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
