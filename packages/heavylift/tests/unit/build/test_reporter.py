"""The messages of a build: whole lines for what reads a pipe."""

from __future__ import annotations

import io

from heavylift.build.reporter import Reporter

LONG = "a path such as " + "/folder" * 30 + " stays in one line"


def test_without_a_terminal_no_line_is_broken() -> None:
    stream = io.StringIO()
    report = Reporter(stream)
    report.note(LONG)
    report.warn(LONG)
    report.system({"libGL.so.1": ("opencv-python",), "x" * 100: ("y" * 100,)})
    note, warning, *table = stream.getvalue().splitlines()
    assert (note, warning) == (LONG, f"WARNING {LONG}")
    assert any("x" * 100 in line and "y" * 100 in line for line in table)
