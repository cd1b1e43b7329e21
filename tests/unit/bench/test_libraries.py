"""The results that the part `libraries` makes of its measurements, and its page."""

from __future__ import annotations

from typing import Any

import pytest

from bench.libraries import LABELS, Row, read_cases, summarize
from bench.libraries_page import render_libraries
from bench.measure import Sample


def row(**seconds: float) -> Row:
    return Row(
        does="one thing",
        versions={"torch": "2"},
        packed=120_000_000,
        unpacked=400_000_000,
        installed=190_000_000,
        working_set=50_000_000,
        spent={"import": 0.6, "working_set": 0.4},
        starts={
            way: [Sample(seconds=value * each, fetched=50_000_000) for each in (1, 2, 3)]
            for way, value in seconds.items()
        },
    )


@pytest.fixture
def part() -> dict[str, Any]:
    rows = {"torch": row(ours=1.5, working_set=1.0, article=8.0, plain=4.0)}
    return summarize(rows, {"spaCy": "it has no wheel"}, runs=3)


def test_a_start_of_the_working_set_is_compared_with_both_other_ways(part: dict[str, Any]) -> None:
    assert part["goals"] == {
        "times faster than the article's way, working set, torch": {"value": 8.0, "goal": 5.0, "met": True},
        "times faster than the plain zip, working set, torch": {"value": 4.0, "goal": 5.0, "met": False},
        "packed MB before ready, working set, torch": {"value": 50.0, "goal": 60.0, "met": True},
    }


def test_the_page_has_a_row_for_each_library_and_the_reason_of_each_that_was_left_out(part: dict[str, Any]) -> None:
    page = "\n".join(render_libraries(part))
    assert "| torch | 3.00 (4.50) | 2.00 (3.00) | 16.00 (24.00) | 8.00 (12.00) | 0.60 | 190 | 120 | 50 | 400 |" in page
    assert all(label in page for label in LABELS.values())
    assert "Not measured: spaCy: it has no wheel." in page
    assert "torch 2: one thing" in page
    assert "The article's way takes it 26.7 times with torch" in page


def test_every_function_has_a_handler_and_names_its_libraries() -> None:
    cases = read_cases()
    assert [case.name for case in cases] == ["torch", "scikit-learn, pandas, pyarrow", "onnxruntime", "spaCy"]
    for case in cases:
        assert case.requirements
        assert "def handler(event, context):" in case.code
        compile(case.code, case.name, "exec")
