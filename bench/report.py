"""The report of `make bench`: a page and a picture from `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

OURS, OTHERS, LIMIT = "#0072B2", "#999999", "#D55E00"

Results = Mapping[str, Any]  # JSON; see `bench.start.summarize`


def render(results: Results, labels: Mapping[str, str]) -> str:
    """Return the page, as Markdown."""
    machine, cpu = results["machine"], results["cpu"]
    lines = [
        "# Cold starts, measured",
        "",
        f"Written by `make bench` on {machine['cores']} cores ({machine['cpu']}), Python {machine['python']}, "
        f"Linux {machine['system']}: {results['runs']} runs of each way and link, in turn. [results.json](results.json) holds "
        "every run.",
        "",
        "![Seconds to the first picture, by way and link](start.png)",
        "",
        "Process start to the first picture in OSS, seconds as the caller sees them, median (worst):",
        "",
        "| way | " + " | ".join(results["links"]) + " |",
        "| --- |" + " --- |" * len(results["links"]),
    ]
    for way, label in labels.items():
        cells = [f"{each['median'][way]:.2f} ({each['worst'][way]:.2f})" for each in results["links"].values()]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    limits = [f"{each['limit']:.2f}" for each in results["links"].values()]
    lines += [
        "| **limit** | " + " | ".join(limits) + " |",
        "",
        "The limit is the larger of the bytes on the wire divided by the bandwidth, and the CPU seconds divided by the cores: "
        f"{results['archive']['packed'] / 1e6:,.0f} MB; {cpu['load']:.2f} s to verify, inflate and write, "
        f"{cpu['import']:.2f} s to import, "
        "measured on their own in the same run. An import runs on one core, so no start on two cores reaches it.",
        "",
        "| goal | measured | wanted | |",
        "| --- | --- | --- | --- |",
    ]
    for name, goal in results["goals"].items():
        lines.append(f"| {name} | {goal['value']} | {goal['goal']} | {'met' if goal['met'] else 'missed'} |")
    return "\n".join(lines) + "\n"


def draw(results: Results, labels: Mapping[str, str], target: Path) -> None:
    """Draw the medians as bars, the limit as a line, one panel for each link, into a PNG file."""
    figure = Figure(figsize=(11, 2.2 * len(results["links"])), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(results["links"]), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (link, each) in zip(panels, results["links"].items(), strict=True):
        for row, way in enumerate(labels):
            value = each["median"][way]
            axes.barh(row, value, height=0.68, color=OURS if way == "ours" else OTHERS)
            axes.annotate(
                f"{value:.2f} s", (value, row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9
            )
        axes.axvline(each["limit"], color=LIMIT, linewidth=1.5, linestyle="--")
        axes.set_yticks(range(len(labels)), list(labels.values()), fontsize=9)
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(f"{link}: the dashed line is the limit, {each['limit']:.2f} s", loc="left", fontsize=11)
    panels[-1].set_xlabel("seconds from process start to the first picture")
    figure.savefig(target)
