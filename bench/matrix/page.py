"""The page of the matrix, from its rows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.matrix.rows import Row
from heavylift.contracts.platform import DEFAULT_PLATFORM

HEAD = ("package", "version", "Python", "MB packed", "MB unpacked", "import", "start", "works")


def render(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """Return the page, as Markdown.

    Args:
        rows: in their order.
        machine: what `bench.results.describe_machine` says of it.
    """
    works = [row for row in rows if not row.failure]
    counts = [len(row.runs) for row in works] or [0]
    naming = sum(bool(row.system) for row in works)
    lines = [
        "# Which packages work",
        "",
        f"Written by `make matrix` on {machine['cores']} cores ({machine['cpu']}), Linux {machine['system']}. Each package is "
        f"built with all that it brings, for each Python and {DEFAULT_PLATFORM}, by the build as it comes: nothing is switched "
        "off for any of them. The embedded cloud then starts a function on that Python, whose module imports the package; its "
        "first request does one small thing with it ([what](../../bench/matrix/packages.toml)).",
        "",
        f"**{len(works)} of {len(rows)} work here**, {naming} of them name libraries of the system.",
        "",
        f"| {' | '.join(HEAD)} |",
        "|" + " --- |" * len(HEAD),
        *(f"| {' | '.join(_cells(row))} |" for row in rows),
        "",
        "*import*: seconds from the first import to the last, while the files still arrive; *start*: seconds of the whole "
        f"start, the import among them; medians of {min(counts)} to {max(counts)} starts, each of a fresh instance of 2 vCPU, "
        "from an OSS on the same machine. *names*: libraries that files of the package need and that it does not bring. Some of "
        "its parts do not work where the runtime has not got them, and nobody has published what the runtimes hold. "
        "[packages.json](packages.json) holds each start, and the versions of what a package brings.",
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> Sequence[str]:
    imports, starts = ([run[number] for run in row.runs] for number in (0, 1))
    return (
        row.package,
        row.versions.get(row.package, "–"),
        row.ran_on or row.python,
        f"{row.packed / 1e6:,.1f}" if row.packed else "–",
        f"{row.unpacked / 1e6:,.1f}" if row.unpacked else "–",
        f"{statistics.median(imports):.2f} s" if imports else "–",
        f"{statistics.median(starts):.2f} s" if starts else "–",
        _works(row),
    )


def _works(row: Row) -> str:
    if row.failure:
        return row.failure.replace("|", "\\|").replace("\n", " ")
    return f"here; names {', '.join(row.system)}" if row.system else "yes"
