"""`make bench`: measures cold starts, the worth of improvements, the growth of loads, builds and the embedded cloud, in one run.

The embedded OSS behind a shaped link (10 ms to the first byte), real instances, the same libraries. Six parts, each a module
that says what it measures: `comparison` (start), `libraries`, `ablation`, `scaling`, `building` (build), `serving` (cloud). Writes
`results.json` (machine, raw runs, goals), the pictures and `README.md` to docs/bench. Parts can be measured alone; what was
measured before stays.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench import ablation, building, comparison, libraries, scaling, serving
from bench.command import run
from bench.part import Part
from bench.results import Results, describe_machine, describe_versions, merge, read_results
from bench.results_page import FOLDER, write_report
from heavylift.contracts.manifest import read_build

PARTS: Mapping[str, Callable[[Part], Results]] = {
    "start": comparison.run,
    "libraries": libraries.run,
    "ablation": ablation.run,
    "scaling": scaling.run,
    "build": building.run,
    "cloud": serving.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the report, and return 0: a missed goal is a result, too."""
    parser = argparse.ArgumentParser(
        description="Measure cold starts over shaped links, builds, and the embedded cloud."
    )
    parser.add_argument("--runs", type=int, default=5, help="of each way and link (default: %(default)s)")
    parser.add_argument("--only", type=_parts, default=list(PARTS), metavar="PART,…", help=f"of {','.join(PARTS)}")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="default: %(default)s")
    options = parser.parse_args(arguments)
    console, root = Console(), Path.cwd()
    build, versions = read_build(root / "dist"), describe_versions(root / "dist")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "results.json"
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="heavylift-bench-") as folder:
            begin = time.perf_counter()
            part = Part(build=build, root=root, folder=Path(folder), runs=options.runs, console=console)
            measured = PARTS[name](part)
            measured |= {
                "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
                "took": round(time.perf_counter() - begin),
            }
        # After each part, so that an interrupted run keeps what it has measured.
        results = merge(read_results(path), {name: measured}, describe_machine(), versions)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        write_report(results, options.output)
    console.print((options.output / "README.md").read_text(), markup=False, highlight=False)
    return 0


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    run(main)
