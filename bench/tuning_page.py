"""The report of `make bench-tuning`: the table of docs/tuning.md and a picture, from `tuning.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from heavylift.errors import HeavyliftError

BEGIN, END = "<!-- bench-tuning -->", "<!-- /bench-tuning -->"
SECONDS, COST = "#0072B2", "#D55E00"

Results = Mapping[str, Any]  # JSON; see `bench.tuning.summarize`


def render(results: Results) -> str:
    """Return the text between the markers, as Markdown."""
    machine, price = results["machine"], results["price"]
    runs = f"{results['runs']} run" + "s" * (results["runs"] != 1)
    disk = results["settings"][0]["disk"] / 1024
    columns = (
        "vCPU",
        "memory",
        "initializer",
        "to the first picture",
        "first request",
        "later request",
        "a start",
        "1,000 starts",
        "1,000,000 later requests",
    )
    lines = [
        f"Written by `{results['command']}` on {machine['cores']} cores ({machine['cpu']}), Python {machine['python']}, "
        f"Linux {machine['system']}: medians of {runs} of each setting, over a link of "
        f"{results['link']['bandwidth'] / 1e9:g} Gbit/s, {disk:g} GB of disk. "
        "[tuning.json](bench/tuning.json) holds every run.",
        "",
        f"| {' | '.join(columns)} |",
        "| --- |" + " --- |" * (len(columns) - 1),
    ]
    for each in results["settings"]:
        cells = (
            f"{each['cpu']:g}",
            f"{each['memory']:,} MB",
            f"{each['initializer']:.2f} s",
            f"{each['seconds']:.2f} s",
            f"{each['first']:.0f} ms",
            f"{each['later']:.0f} ms",
            f"{each['start_cu']:.1f} CU",
            f"US$ {each['thousand_starts_usd']:.2f}",
            f"US$ {each['million_later_usd']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"Settings above {machine['cores']} vCPU were not measured: this machine has no more cores. The embedded cloud runs on the "
        f"same ones, so {machine['cores']} vCPU look slower here than they are.",
        "",
        "Cost: initializer and first request, each second at "
        f"{price['cu_per_vcpu_second']:g} CU for a vCPU, {price['cu_per_gb_second']:g} CU for a GB of memory and "
        f"{price['cu_per_disk_gb_second']:g} CU for a GB of disk, and {price['cu_per_request']:g} CU for the request; "
        f"US$ {price['usd_per_cu']:.6f} for a CU, the list price without discounts and quotas "
        f"([Alibaba Cloud, page of {price['source_date']}]({price['source']})).",
    ]
    return "\n".join(lines)


def insert(page: str, text: str) -> str:
    """Return a page with another text between its markers.

    Raises:
        HeavyliftError: it has not each marker once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise HeavyliftError(f"the page needs one line {BEGIN} and after it one line {END}, where the table goes")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def draw(results: Results, target: Path) -> None:
    """Draw the seconds of a start and its cost by vCPU, each run as a dot, into a PNG file."""
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    settings = results["settings"]
    for each in settings:
        left.plot(
            [each["cpu"]] * len(each["runs"]), [run["seconds"] for run in each["runs"]], ".", color=SECONDS, alpha=0.4
        )
    _panel(left, settings, "seconds", SECONDS, "seconds from process start to the first picture")
    left.set_ylim(0, 1.15 * max(run["seconds"] for each in settings for run in each["runs"]))
    _panel(right, settings, "thousand_starts_usd", COST, "US$ for 1,000 starts")
    figure.savefig(target)


def _panel(axes: Axes, settings: list[Mapping[str, Any]], key: str, color: str, title: str) -> None:
    least = {each["cpu"]: each for each in sorted(settings, key=lambda each: -int(each["memory"]))}
    line = sorted(least)
    axes.plot(line, [least[cpu][key] for cpu in line], "-", color=color, linewidth=1.5)
    for each in settings:
        axes.plot(each["cpu"], each[key], "o", color=color)
        right_above = each is not least[each["cpu"]]  # two settings of one vCPU must not hide each other's label
        axes.annotate(
            f"{each['memory'] / 1024:g} GB",
            (each["cpu"], each[key]),
            xytext=(6, 6) if right_above else (0, -14),
            ha="left" if right_above else "center",
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_ylim(0, 1.15 * max(each[key] for each in settings))
    axes.set_xlim(0, max(line) * 1.2)
    axes.set_xlabel("vCPU (the line: the least memory for each)")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
