"""The waterfall: what is drawn, and that it can be read. Texts are read from the figure, bars and lines from its pixels."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from heavylift.contracts.startlog import ImportTime, Span, Start
from heavylift.report.waterfall import COLOURS, LIMIT, UNKNOWN, draw, make_figure


def span(phase: str, item: str, start: float, end: float, busy: float | None = None) -> Span:
    return Span(phase=phase, item=item, start=start, end=end, busy=end - start if busy is None else busy)


START = Start(
    mode="initializer",
    seconds=4.3,
    spans=(
        span("import", "oss2", 0.0, 0.14),
        span("fetch", "applib", 0.14, 2.88, 6.1),
        span("inflate", "applib", 0.26, 2.91, 3.9),
        span("verify", "applib", 0.27, 2.91, 1.2),
        span("write", "applib", 0.27, 2.93, 2.1),
        span("fetch", "model", 2.93, 2.94),
        span("wait", "applib", 0.62, 2.7, 1.05),
        span("import", "index", 0.6, 4.22),
        span("warmup", "index", 4.22, 4.3),
        span("a phase of the future", "x", 3.9, 4.0),
    ),
    fetched=324_000_000,
    unpacked=1_074_000_000,
    files=8005,
    retries=0,
    peak_disk=1,
    peak_memory=584_000_000,
    memory_before_import=1,
    error=None,
    imports=(
        ImportTime(name="tensorflow", seconds=0.91, modules=2100),
        *(ImportTime(name=f"library{place}", seconds=0.1 - place / 200, modules=1) for place in range(12)),
        ImportTime(name="others", seconds=0.25, modules=40),
    ),
    cores=2.0,
)
BARE = replace(START, imports=())


def where(figure: Figure, colour: str) -> Any:
    """Return a mask of the pixels of a colour."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    wanted = np.round(np.array(to_rgb(colour)) * 255)
    return (np.round(imread(file)[:, :, :3] * 255) == wanted).all(axis=2)


def pixels(figure: Figure, colour: str) -> int:
    return int(where(figure, colour).sum())


def texts(figure: Figure) -> list[Text]:
    figure.canvas.draw()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts(figure)]


def test_a_start_is_drawn_into_a_png_file(tmp_path: Path) -> None:
    draw(START, tmp_path / "start.png", title="a start", limit=2.5)
    content = (tmp_path / "start.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")


def test_every_phase_has_a_bar_of_its_colour_and_length() -> None:
    figure = make_figure(BARE, title="a start")
    area = {colour: pixels(figure, colour) for colour in {*COLOURS.values(), UNKNOWN}}
    # Labels and lines take some of a bar, so lengths are compared roughly.
    second = area[COLOURS["fetch"]] / 2.74
    for phase, length in (("verify", 2.64), ("inflate", 2.65), ("write", 2.66), ("wait", 2.08), ("import", 3.76)):
        assert area[COLOURS[phase]] / second == pytest.approx(length, rel=0.15), phase
    assert area[UNKNOWN] / second == pytest.approx(0.1, rel=0.4)
    assert area[COLOURS["credentials"]] / second < 0.05


def test_lanes_stand_by_item_and_a_wait_under_the_import_that_waited() -> None:
    lanes = make_figure(BARE, title="a start").axes[0].get_yticklabels()
    assert [lane.get_text() for lane in lanes] == [
        "import oss2",
        "fetch applib",
        "verify applib",
        "inflate applib",
        "write applib",
        "import index",
        "wait applib",
        "warmup index",
        "a phase of the future x",
    ]


def test_a_span_too_short_to_see_is_left_out_unless_there_is_no_other() -> None:
    assert "fetch model" not in written(make_figure(BARE, title="a start"))
    alone = replace(BARE, spans=(span("fetch", "model", 2.93, 2.94),))
    assert "fetch model" in written(make_figure(alone, title="a start"))


def test_the_limit_is_a_line_with_its_seconds() -> None:
    spans = (span("fetch", "applib", 0.0, 4.0),)  # nothing in the limit's own colour
    start = replace(BARE, spans=spans)
    without, with_limit = make_figure(start, title="a start"), make_figure(start, title="a start", limit=2.59)
    assert pixels(without, LIMIT) == 0
    assert pixels(with_limit, LIMIT) > 50
    assert not [text for text in written(without) if "limit" in text]
    assert "limit 2.59 s" in written(with_limit)
    columns = np.nonzero(where(with_limit, LIMIT)[int(with_limit.bbox.height) // 2 :])[1]  # below the label
    assert np.median(columns) == pytest.approx(with_limit.axes[0].transData.transform((2.59, 0))[0], abs=1)


def test_a_line_is_seen_on_a_bar_of_its_own_colour() -> None:
    importing = replace(BARE, spans=(span("import", "index", 0.0, 4.3),))
    figure = make_figure(importing, title="a start", limit=2.0)
    white = where(figure, "white")
    x, y = (int(place) for place in figure.axes[0].transData.transform((2.0, 0.2)))
    assert white[int(figure.bbox.height) - y, x - 4 : x + 5].any()
    assert not white[int(figure.bbox.height) - y, x - 40 : x - 4].any()


def test_a_failed_start_says_so() -> None:
    assert "start 4.30 s" in written(make_figure(START, title="a start"))
    failed = written(make_figure(replace(START, error="StoreError: refused"), title="a start"))
    assert "failed at 4.30 s" in failed
    assert "start 4.30 s" not in failed


def test_the_ten_slowest_packages_are_named_and_the_rest_added_up() -> None:
    names = written(make_figure(START, title="a start"))
    assert [name for name in names if name.startswith(("tensorflow", "library", "others"))] == [
        "tensorflow",
        *(f"library{place}" for place in range(9)),
        "others",
    ]
    assert "0.91 s, 2,100 modules" in names
    assert "0.10 s, 1 module" in names
    assert "0.40 s, 43 modules" in names  # 0.25 and 40 of the line's own others, and three more packages
    assert "The import by package: 2.03 s to execute modules" in names


def test_a_start_that_names_no_packages_has_one_panel() -> None:
    assert not [text for text in written(make_figure(BARE, title="a start")) if "package" in text]


@pytest.mark.parametrize("limit", [None, 0.02, 2.0, 4.2, 4.3, 4.31, 9.0])
def test_no_text_lies_on_another_or_outside(limit: float | None) -> None:
    figure = make_figure(START, title="a start", limit=limit)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    assert len(boxes) > 40
    assert [(one, two) for (one, a), (two, b) in combinations(boxes, 2) if a.overlaps(b)] == []
    page = figure.bbox
    outside = [text for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > page.width or box.y1 > page.height]
    # Matplotlib keeps the label of a tick beyond the axis's end, and does not draw it.
    assert [text for text in outside if not re.fullmatch(r"[\d.]+", text)] == []


def test_names_of_a_log_are_drawn_as_they_stand() -> None:
    spans = (span("fetch", "$x^{$", 0.0, 2.0), span("fetch", "a\nb" + "c" * 100, 0.0, 2.0))
    names = written(make_figure(replace(START, spans=spans), title="a start"))
    assert "fetch $x^{$" in names
    assert any(name.startswith("fetch a bccc") and len(name) == 32 for name in names)


@pytest.mark.parametrize("spans", [(), (span("fetch", "applib", 0.0, 0.0),)])
def test_a_start_of_no_time_is_drawn(spans: tuple[Span, ...], tmp_path: Path) -> None:
    imports = (ImportTime(name="tensorflow", seconds=0.0, modules=0),)
    draw(replace(START, seconds=0.0, spans=spans, imports=imports), tmp_path / "start.png", title="a start")
    assert (tmp_path / "start.png").exists()
