"""Draws a start as a waterfall: one bar for each phase of each item, over time; below it, the import by package."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from heavylift.contracts.startlog import OTHERS, ImportTime, Span, Start

# One colour a phase, the same in every picture (Okabe and Ito's palette, told apart by colour-blind readers). The order
# is that of the lanes of one item.
COLOURS = {
    "credentials": "#999999",
    "fetch": "#0072B2",
    "verify": "#CC79A7",
    "inflate": "#E69F00",
    "write": "#009E73",
    "unpack": "#E69F00",
    "import": "#D55E00",
    "wait": "#DDDDDD",
    "warmup": "#56B4E9",
}
UNKNOWN = "#444444"
LIMIT = "#D55E00"
PACKAGES = 10  # shown by name

_ROW = 0.36  # inches
_NAME = 32  # characters
_BAR = 0.68  # of a row
_INSIDE = 0.22  # of the longest time: a bar longer than that has room for its label


def draw(start: Start, target: Path, *, title: str, limit: float | None = None) -> None:
    """Draw one start into a PNG file.

    Args:
        start: the start to draw.
        target: the file to write; its folder must exist.
        title: the picture's headline.
        limit: the least seconds that such a start takes, drawn as a line; None draws none.
    """
    make_figure(start, title=title, limit=limit).savefig(target)


def make_figure(start: Start, *, title: str, limit: float | None = None) -> Figure:
    """Return the picture that `draw` writes."""
    lanes = _lanes(start)
    packages = _slowest(start.imports)
    rows = [max(1, len(lanes))] + ([len(packages)] if packages else [])
    # Titles and axes take an inch and a half for the first panel, and less for the second.
    figure = Figure(figsize=(11, 0.6 + 0.9 * len(rows) + _ROW * sum(rows)), dpi=110)
    figure.set_layout_engine("constrained", h_pad=0.08)
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{title}: {start.seconds:.2f} s\n"
        f"{start.fetched / 1e6:,.0f} MB fetched, {start.unpacked / 1e6:,.0f} MB unpacked, {start.files:,} files, "
        f"peak memory {start.peak_memory / 1e6:,.0f} MB, {start.retries} retries",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=rows)[:, 0]
    _draw_lanes(panels[0], lanes, start, limit)
    if packages:
        _draw_packages(panels[1], packages)
    return figure


def _lanes(start: Start) -> list[Span]:
    """Return the spans to draw, from top to bottom: by item, in the order in which work on these began."""
    # A span of a few milliseconds would be an invisible line with a label of its own.
    spans = [span for span in start.spans if span.end - span.start >= start.seconds / 200] or list(start.spans)
    items = [_item(span, spans) for span in spans]
    began = {item: min(span.start for span, its in zip(spans, items, strict=True) if its == item) for item in items}
    phases = {phase: place for place, phase in enumerate(COLOURS)}
    order = sorted(
        zip(spans, items, strict=True),
        key=lambda pair: (began[pair[1]], pair[1], phases.get(pair[0].phase, len(phases)), pair[0].start),
    )
    return [span for span, _ in order]


def _item(span: Span, spans: Iterable[Span]) -> str:
    # What an import waited for may be another item: the wait belongs to the import all the same.
    if span.phase == "wait":
        imports = [each for each in spans if each.phase == "import" and each.start < span.end and span.start < each.end]
        return max(imports, key=lambda each: each.end - each.start, default=span).item
    return span.item


def _draw_lanes(axes: Axes, lanes: list[Span], start: Start, limit: float | None) -> None:
    _draw_bars(
        axes,
        names=[f"{span.phase} {span.item}" for span in lanes],
        spans=[(span.start, span.end) for span in lanes],
        colours=[COLOURS.get(span.phase, UNKNOWN) for span in lanes],
        labels=[_label(span) for span in lanes],
        last=max(start.seconds, limit or 0.0),
    )
    axes.set_xlabel("seconds since the start began")
    end = f"{'failed at' if start.error else 'start'} {start.seconds:.2f} s"
    _draw_line(axes, start.seconds, end, "black", ahead=limit is None or limit <= start.seconds)
    if limit is not None:
        _draw_line(axes, limit, f"limit {limit:.2f} s", LIMIT, ahead=limit > start.seconds)


def _label(span: Span) -> str:
    length = span.end - span.start
    if span.phase == "wait":
        return f"{span.busy:.2f} s in all"  # many short ones, drawn from the first to the last
    # `busy` is worth a word only where it differs from the bar's length: work on several threads, or waiting.
    busy = f", {span.busy:.2f} s busy" if abs(span.busy - length) > max(0.1 * length, 0.01) else ""
    return f"{length:.2f} s{busy}"


def _draw_line(axes: Axes, seconds: float, label: str, colour: str, *, ahead: bool) -> None:
    axes.axvline(seconds, color="white", linewidth=3.5)  # parts the line from a bar of its own colour
    axes.axvline(seconds, color=colour, linewidth=1.4, linestyle="--")
    # The later of two lines has its label on its right: they never meet, however close the lines are.
    axes.annotate(
        label,
        (seconds, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3 if ahead else -3, 3),
        textcoords="offset points",
        ha="left" if ahead else "right",
        va="bottom",
        fontsize=9,
        color=colour,
        weight="bold",
    )


def _slowest(imports: tuple[ImportTime, ...]) -> list[ImportTime]:
    named = [package for package in imports if package.name != OTHERS]
    rest = [*named[PACKAGES:], *(package for package in imports if package.name == OTHERS)]
    seconds, modules = sum(package.seconds for package in rest), sum(package.modules for package in rest)
    return named[:PACKAGES] + ([ImportTime(name=OTHERS, seconds=seconds, modules=modules)] if rest else [])


def _draw_packages(axes: Axes, packages: list[ImportTime]) -> None:
    total = sum(package.seconds for package in packages)
    _draw_bars(
        axes,
        names=[package.name for package in packages],
        spans=[(0.0, package.seconds) for package in packages],
        colours=[COLOURS["import"]] * len(packages),
        labels=[
            f"{package.seconds:.2f} s, {package.modules:,} module{'' if package.modules == 1 else 's'}"
            for package in packages
        ],
        last=max(package.seconds for package in packages),
    )
    axes.set_title(f"The import by package: {total:.2f} s to execute modules", loc="left", fontsize=11)
    axes.set_xlabel("seconds in the package's own modules")


def _draw_bars(
    axes: Axes,
    *,
    names: list[str],
    spans: list[tuple[float, float]],
    colours: list[str],
    labels: list[str],
    last: float,
) -> None:
    rows = range(len(names))
    # Below the lines of the limit and the end, which are below the labels.
    axes.barh(
        rows,
        [end - start for start, end in spans],
        left=[start for start, _ in spans],
        height=_BAR,
        color=colours,
        zorder=1.5,
    )
    for row, (start, end), colour, label in zip(rows, spans, colours, labels, strict=True):
        inside = end - start > _INSIDE * last
        ground = colour if inside else "white"
        axes.annotate(
            label,
            (start if inside else end, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color="white" if inside and _is_dark(colour) else "black",
            bbox={"facecolor": ground, "edgecolor": "none", "pad": 1.5},  # parts the label from a line behind it
            zorder=3,
        )
    axes.set_xlim(0, last * 1.02 or 1.0)  # the layout makes room for labels that go on after it
    axes.set_ylim(len(names) - 0.4, -0.6)
    # Names come from a log, and may hold anything: `$` would begin a formula.
    axes.set_yticks(rows, [_short(name) for name in names], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)


def _is_dark(colour: str) -> bool:
    red, green, blue = to_rgb(colour)
    return 0.3 * red + 0.59 * green + 0.11 * blue < 0.4


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _NAME else line[: _NAME - 1] + "…"
