"""The start's log line."""

from __future__ import annotations

import json

import pytest

from heavylift.contracts.startlog import parse_start
from heavylift.runtime.timeline import Timeline, peak_memory


def test_the_line_is_what_the_command_line_reads() -> None:
    timeline = Timeline()
    with timeline.span("fetch", "applib"):
        pass
    with timeline.span("fetch", "applib"):
        pass
    timeline.count(fetched=10, unpacked=20, files=3, retries=1, disk=4096)
    timeline.mark_import()
    line = timeline.line("request")
    assert "\n" not in line
    start = parse_start(line)
    assert (start.mode, start.fetched, start.unpacked, start.files, start.retries) == ("request", 10, 20, 3, 1)
    assert (start.peak_disk, start.error, len(start.spans)) == (4096, None, 1)
    assert 0 < start.memory_before_import <= start.peak_memory


def test_a_failed_start_has_its_error_in_the_line() -> None:
    assert parse_start(Timeline().line("initializer", KeyError("x"))).error == "KeyError: 'x'"


def test_a_span_that_fails_is_recorded() -> None:
    timeline = Timeline()
    with pytest.raises(ZeroDivisionError), timeline.span("import", "index"):
        _ = 1 / 0
    assert [span["phase"] for span in json.loads(timeline.line("request"))["spans"]] == ["import"]


def test_items_are_handed_on_in_order() -> None:
    timeline = Timeline()
    assert list(timeline.each("fetch", "applib", iter(range(5)))) == list(range(5))
    assert json.loads(timeline.line("request"))["spans"][0]["item"] == "applib"


def test_peak_memory_is_that_of_this_process() -> None:
    assert 1_000_000 < peak_memory() < 10_000_000_000
