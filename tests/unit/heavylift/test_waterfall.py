from __future__ import annotations

from pathlib import Path

from heavylift.startlog import Span, Start
from heavylift.waterfall import draw


def test_a_start_is_drawn_into_a_png_file(tmp_path: Path) -> None:
    spans = (
        Span(phase="fetch", item="applib", start=0.0, end=2.0, busy=4.0),
        Span(phase="import", item="index", start=2.0, end=5.0, busy=3.0),
        Span(phase="a phase of the future", item="x", start=5.0, end=5.5, busy=0.5),
    )
    start = Start(
        mode="initializer", seconds=5.5, spans=spans, fetched=1, unpacked=1, files=1, retries=0, peak_disk=1,
        peak_memory=1, memory_before_import=1, error=None,
    )  # fmt: skip
    draw(start, tmp_path / "start.png", title="a start")
    content = (tmp_path / "start.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
