"""Draws a start as a waterfall: one bar for each phase of each item, over time."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from heavylift.startlog import Start

# One colour a phase, the same in every picture (Okabe and Ito's palette, told apart by colour-blind readers).
COLOURS = {
    "credentials": "#999999",
    "fetch": "#0072B2",
    "verify": "#CC79A7",
    "inflate": "#E69F00",
    "write": "#009E73",
    "unpack": "#E69F00",
    "import": "#D55E00",
    "warmup": "#56B4E9",
}
UNKNOWN = "#444444"


def draw(start: Start, target: Path, *, title: str) -> None:
    """Draw one start into a PNG file.

    Args:
        start: the start to draw.
        target: the file to write; its folder must exist.
        title: the picture's headline.
    """
    # A span of a few milliseconds would be an invisible line with a label of its own.
    shown = [span for span in start.spans if span.end - span.start >= start.seconds / 1000] or list(start.spans)
    figure = Figure(figsize=(11, 1.6 + 0.42 * len(shown)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for row, span in enumerate(sorted(shown, key=lambda span: (span.start, span.end))):
        length = span.end - span.start
        axes.barh(row, length, left=span.start, height=0.68, color=COLOURS.get(span.phase, UNKNOWN))
        # `busy` is worth a word only where it differs from the bar's length: work on several threads, or waiting.
        busy = f", {span.busy:.2f} s busy" if abs(span.busy - length) > 0.1 * length else ""
        label = f"{span.phase} {span.item}  {length:.2f} s{busy}"
        on_the_left = span.start > 0.55 * start.seconds
        axes.annotate(
            label,
            (span.start if on_the_left else span.end, row),
            xytext=(-5 if on_the_left else 5, 0),
            textcoords="offset points",
            ha="right" if on_the_left else "left",
            va="center",
            fontsize=9,
        )
    axes.axvline(start.seconds, color="black", linewidth=1, linestyle="--")
    axes.set_xlim(0, start.seconds * 1.02)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xlabel("seconds since the start began")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.set_title(
        f"{title}: {start.seconds:.2f} s\n"
        f"{start.fetched / 1e6:,.0f} MB fetched, {start.unpacked / 1e6:,.0f} MB unpacked, {start.files:,} files, "
        f"peak memory {start.peak_memory / 1e6:,.0f} MB, {start.retries} retries",
        loc="left",
        fontsize=11,
    )
    figure.savefig(target)
