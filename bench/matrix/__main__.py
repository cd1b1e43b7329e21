"""`make matrix`: measures the packages that are new or changed, and writes docs/reference/packages.md.

A row stays while what it depends on stays: its package's versions, its function, the build, the loader and the machine. An
interrupted run goes on where it stopped, and a row that failed is tried again. What is asked for by name is measured in any case.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from bench.matrix.cases import PYTHONS, Case, read_cases
from bench.matrix.page import render
from bench.matrix.rows import fingerprint, read_pins, read_rows, write_pins, write_rows
from bench.matrix.workshop import workshop
from bench.results import describe_machine
from heavylift.build.errors import BuildError
from heavylift.errors import HeavyliftError


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the page, and return 0: a package that does not work is a result, too."""
    cases = read_cases()
    names = [case.name for case in cases]
    parser = argparse.ArgumentParser(description="Build, start and use heavy packages.")
    parser.add_argument("--only", type=_some(names), metavar="PACKAGE,…", help=f"of {', '.join(names)}")
    parser.add_argument("--python", type=_some(PYTHONS), metavar="X.Y,…", help=f"of {', '.join(PYTHONS)}")
    parser.add_argument("--upgrade", action="store_true", help="to the newest versions, not those of the last time")
    parser.add_argument("--runs", type=int, default=3, help="starts of each (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("docs/reference"), metavar="DIR", help="default: %(default)s"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    console, root, machine = Console(), Path.cwd(), describe_machine()
    rows, pins = read_rows(options.output, machine), read_pins(root)
    every = [(case, python) for case in cases for python in PYTHONS]
    asked = bool(options.only or options.python or options.upgrade)

    def is_chosen(case: Case, python: str) -> bool:
        if asked:
            return case.name in (options.only or names) and python in (options.python or PYTHONS)
        key = case.name, python
        return key not in rows or not rows[key].is_current(fingerprint(root, case, python, pins.get(key, {})))

    chosen = [each for each in every if is_chosen(*each)]
    with tempfile.TemporaryDirectory(prefix="heavylift-matrix-") as folder, workshop(root, Path(folder)) as shop:
        for case, python in chosen:
            key = case.name, python
            with console.status(f"{case.name} on Python {python} …"):
                row = shop.measure(case, python, {} if options.upgrade else pins.get(key, {}), runs=options.runs)
            console.print(
                f"{case.name} on Python {python}: {row.failure or 'works'}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            rows[key] = row
            if row.versions:
                pins[key] = row.versions
            # After each row, so that an interrupted run keeps what it has measured.
            write_pins(root, pins)
            ordered = [rows[case.name, python] for case, python in every if (case.name, python) in rows]
            write_rows(options.output, ordered, machine)
            (options.output / "packages.md").write_text(render(ordered, machine), encoding="utf-8")
    return 0


def _some(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (HeavyliftError, BuildError) as error:
        print(f"matrix: {error}", file=sys.stderr)
        sys.exit(1)
