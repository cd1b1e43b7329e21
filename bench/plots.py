"""The pictures of `make bench`, one for each question. Ours, others and the limit have the same colours everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.ablation import by_worth, without_removed
from bench.working_set import WAY

OURS, OTHERS, LIMIT = "#0072B2", "#999999", "#D55E00"
NAME_PLACES = (((8, -16), "left"), ((-4, 10), "center"))  # of real archives: below and above their points, in turn
ROW, HEAD = 0.3, 0.75  # inches of a bar, and of what stands around a panel's bars


def draw_parts(parts: Mapping[str, Any], folder: Path) -> None:
    """Draw a picture for each part that has one."""
    for name, draw in (("start", _draw_start), ("ablation", _draw_ablation), ("scaling", _draw_scaling)):
        if name in parts:
            draw(parts[name], folder / f"{name}.png")


def _draw_start(part: Mapping[str, Any], target: Path) -> None:
    """Draw the medians as bars and the limit as a line, one panel for each link."""
    labels = part["labels"]
    figure, panels = _panels(part["links"], rows=len(labels))
    for axes, (link, each) in zip(panels, part["links"].items(), strict=True):
        texts = [f"{each['median'][way]:.2f} s" for way in labels]
        _bars(axes, labels, each["median"], texts)
        axes.axvline(each["limit"], color=LIMIT, linewidth=1.5, linestyle="--")
        title = f"{link}: the dashed line is the limit, {each['limit']:.2f} s"
        if "ready" in each:
            axes.axvline(each["ready"], color=LIMIT, linewidth=1.5, linestyle=":")
            title += f"; the dotted one that of the working set, {each['ready']:.2f} s"
        axes.set_title(title, loc="left", fontsize=11)
    panels[-1].set_xlabel("seconds from process start to the first picture (median)")
    figure.savefig(target)


def _draw_ablation(measured: Mapping[str, Any], target: Path) -> None:
    """Draw the medians without each improvement as bars, the costliest first, one panel for each link."""
    part, _ = without_removed(measured)
    figure, panels = _panels(part["links"], rows=len(part["labels"]))
    for axes, (link, each) in zip(panels, part["links"].items(), strict=True):
        labels = {way: part["labels"][way] for way in by_worth(part["links"])}
        texts = [_with_worth(each, way) for way in labels]
        _bars(axes, labels, each["median"], texts)
        axes.axvline(each["median"]["ours"], color=OURS, linewidth=1, linestyle=":")
        axes.set_title(f"{link}: what a start takes with one thing switched off", loc="left", fontsize=11)
    panels[-1].set_xlabel("seconds from process start to the first picture (median)")
    figure.savefig(target)


def _draw_scaling(part: Mapping[str, Any], target: Path) -> None:
    """Draw the seconds of a load over the archive's size, real archives as diamonds, with the limit, one panel for each link."""
    figure = Figure(figsize=(11, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(part["links"]), squeeze=False)[0]
    for axes, (link, each) in zip(panels, part["links"].items(), strict=True):
        sizes = [point["packed"] / 1e9 for point in each["points"]]
        for key, colour, name, style, shift in (
            ("median", OURS, "heavylift", "o-", 5),
            ("limit", LIMIT, "limit", "o--", -8),
        ):
            values = [point[key] for point in each["points"]]
            axes.plot(sizes, values, style, color=colour, linewidth=2, markersize=5)
            axes.annotate(
                f"{name} {values[-1]:.1f} s", (sizes[-1], values[-1]), xytext=(8, shift), textcoords="offset points",
                va="center", fontsize=10, color=colour, annotation_clip=False,
            )  # fmt: skip
        for point, (offset, side) in zip(each["real"], cycle(NAME_PLACES), strict=False):
            axes.plot(point["packed"] / 1e9, point["median"], "D", color=OURS, markersize=7, markerfacecolor="white")
            axes.annotate(
                point["name"], (point["packed"] / 1e9, point["median"]), xytext=offset, textcoords="offset points",
                ha=side, fontsize=9, color=OURS,
            )  # fmt: skip
        axes.set_xlim(0, sizes[-1] * 1.35)
        axes.set_ylim(0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(
            f"{link}: the steepest part grows {max([*each['slopes'], *each['real_slopes']]):.2f} times as fast as the limit",
            loc="left",
            fontsize=10,
        )
        axes.set_xlabel("GB of archive")
        axes.set_ylabel("seconds of the load")
    figure.savefig(target)


def _with_worth(link: Mapping[str, Any], way: str) -> str:
    seconds = f"{link['median'][way]:.2f} s"
    return seconds if way == "ours" else f"{seconds}  ({link['worth'][way]:+.2f})"


def _panels(links: Mapping[str, Any], *, rows: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(11, (HEAD + ROW * rows) * len(links)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(len(links), 1, sharex=True, squeeze=False)[:, 0])


def _bars(axes: Axes, labels: Mapping[str, str], values: Mapping[str, float], texts: Sequence[str]) -> None:
    for row, (way, text) in enumerate(zip(labels, texts, strict=True)):
        axes.barh(row, values[way], height=0.68, color=OURS if way in ("ours", WAY) else OTHERS)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # a line may run behind it
        axes.annotate(
            text, (values[way], row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9, bbox=box
        )
    axes.set_yticks(range(len(labels)), list(labels.values()), fontsize=9)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
