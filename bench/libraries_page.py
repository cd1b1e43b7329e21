"""The section of the report about other libraries, from the results of the part `libraries`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.markdown import left_out, table

MB = 1e6  # bytes


def render_libraries(part: Mapping[str, Any]) -> list[str]:
    """Return the section's lines, as Markdown."""
    labels = part["labels"]
    rows = [
        [
            name,
            *(f"{each['median'][way]:.2f} ({each['worst'][way]:.2f})" for way in labels),
            f"{each['limit']:.2f}",
            *(f"{each[size] / MB:,.0f}" for size in ("installed", "packed", "ready", "unpacked")),
        ]
        for name, each in part["libraries"].items()
    ]
    functions = "; ".join(f"{_named(each['versions'])}: {each['does']}" for each in part["libraries"].values())
    return [
        "## And with other libraries?",
        "",
        f"Process start to the answer of the first request at {part['link']}, seconds as the caller sees them, median (worst) of "
        f"{part['runs']} runs, in turn; MB of the article's zip, of our archive packed, of it what a start in mode `working-set` "
        "fetches before it is ready, and of our files:",
        "",
        *table(
            ["", *labels.values(), "**limit of the working set**", "MB zipped", "packed", "before ready", "unpacked"],
            rows,
        ),
        "",
        "The limit is that of the start's own table: most of it is the import, which one core has to execute, and which every way "
        "executes as well. The article's way takes it "
        + "; ".join(
            f"{each['median']['article'] / each['limit']:.1f} times with {name}"
            for name, each in part["libraries"].items()
        )
        + ": no start is faster by more.",
        "",
        "The functions ([libraries.toml](../../bench/libraries.toml)), each with a recording of one start and one request: "
        f"{functions}.",
        *left_out(part["left_out"]),
    ]


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
