"""`make bench-seed`: our start against the way of the article that introduced the technique, in one run.

Same requirements, same embedded OSS, same instance. The article's archive is a plain zip without bytecode, as `pip install
--target` and `zip` make it; it is downloaded to a temporary file, extracted by `extractall` and imported, all in the first request.
Ours loads in the initializer. A third row tells what pruning alone brings: the article's loader with the files of our archive. Runs
alternate, so that a noisy machine hurts all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.archives import find_lock, model_of, plain_archive, zip_installed
from bench.cloud import running_cloud
from bench.command import run
from bench.direct import function_settings
from bench.measure import measure
from bench.packages import peer_code
from heavylift.contracts.manifest import read_build
from heavylift.contracts.startlog import Start

GOAL = 2.5  # times faster than the article's way


def main() -> int:
    """Measure, print the table, and return 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description="Compare our start with the article's.")
    parser.add_argument("--runs", type=int, default=5, help="of each way (default: %(default)s)")
    runs = parser.parse_args().runs
    console, root = Console(), Path.cwd()
    build = read_build(root / "dist")
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-") as name:
        folder = Path(name)
        with console.status("installing and zipping as the article does (one thread, zlib): a minute or two …"):
            installed = zip_installed(find_lock(root), folder)
            plain, model = plain_archive(build.applib, folder), plain_archive(model_of(build), folder)
        with running_cloud(folder) as cloud:
            for archive in (*build.archives, model, installed, plain):
                with console.status(f"uploading {archive.key} …"):
                    cloud.upload(archive.path, archive.key)
            ours = function_settings(build, cloud.endpoints)
            code = peer_code(build.code.path, folder)
            ways = [("ours", ours)]
            for way, archive in (("article", installed), ("pruned", plain)):
                variables = {**ours.environment, "BenchWay": "article"}
                variables |= {"AppLibObject": archive.key, "ModelObject": model.key}
                ways.append((way, replace(ours, name=way, initializer=None, code=code, environment=variables)))
            os.sync()  # what the uploads left to be written would slow the first runs alone
            starts: dict[str, list[float]] = {way: [] for way, _ in ways}
            last: dict[str, Start] = {}
            for number in range(runs):
                for way, settings in ways if number % 2 else ways[::-1]:
                    with console.status(f"run {number + 1} of {runs}: {way} …"):
                        start, seconds = measure(cloud.service, settings)
                    starts[way].append(seconds)
                    last[way] = start
    return _report(console, starts, last)


def _report(console: Console, starts: dict[str, list[float]], last: dict[str, Start]) -> int:
    table = Table(title="Process start to first picture, seen by the caller")
    for column in ("", "median", "worst", "runs"):
        table.add_column(column, justify="right" if column else "left")
    for way, label in (
        ("article", "the article's way"),
        ("pruned", "the article's way, with our files"),
        ("ours", "heavylift"),
    ):
        values = starts[way]
        cells = (f"{statistics.median(values):.2f} s", f"{max(values):.2f} s", ", ".join(f"{v:.2f}" for v in values))
        table.add_row(label, *cells)
    console.print(table)
    for way, start in last.items():
        steps = ", ".join(f"{span.phase} {span.item} {span.end - span.start:.2f} s" for span in start.spans)
        console.print(f"{way}: {steps}", highlight=False)
    ratio, pruned = (
        statistics.median(starts[way]) / statistics.median(starts["ours"]) for way in ("article", "pruned")
    )
    console.print(f"with the same files, {pruned:.1f} times faster")
    met = ratio >= GOAL
    console.print(f"{ratio:.1f} times faster; the goal is {GOAL}: {'met' if met else 'MISSED'}")
    console.print(
        json.dumps({"seed": {"value": round(ratio, 2), "same_files": round(pruned, 2), "goal": GOAL, "met": met}}),
        highlight=False,
    )
    return 0 if met else 1


if __name__ == "__main__":
    run(main)
