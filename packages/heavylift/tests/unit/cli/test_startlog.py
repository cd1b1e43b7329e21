from __future__ import annotations

import json
import re
from typing import Any

import pytest

from heavylift.contracts.startlog import ImportTime, Pages, find_starts, parse_start
from heavylift.errors import HeavyliftError

RECORD: dict[str, Any] = {
    "event": "heavylift.start",
    "mode": "initializer",
    "started": 1764000000.5,
    "seconds": 5.5,
    "spans": [
        {"phase": "fetch", "item": "applib", "start": 0.5, "end": 1.5, "busy": 4.0},
        {"phase": "fetch", "item": "applib", "start": 1.0, "end": 2.5},
        {"phase": "fetch", "item": "model", "start": 0.25, "end": 0.5},
        {"phase": "import", "item": "index", "start": 2.5, "end": 5.0},
    ],
    "bytes": {"fetched": 100, "unpacked": 400},
    "files": 7,
    "retries": 1,
    "peak_disk": 500,
    "peak_memory": 600,
    "memory_before_import": 50,
}


def test_a_line_is_parsed_into_values() -> None:
    start = parse_start(json.dumps(RECORD))
    assert (start.mode, start.seconds, start.fetched, start.unpacked, start.files) == ("initializer", 5.5, 100, 400, 7)
    assert start.spans[0].busy == 4.0
    assert start.error is None


def test_libraries_that_came_by_pages_are_told() -> None:
    pages = {"later": 5, "present": 12, "absent": 3, "waited": 0.25}
    assert parse_start(json.dumps({**RECORD, "pages": pages})).pages == Pages(
        later=5, present=12, absent=3, waited=0.25
    )
    assert parse_start(json.dumps(RECORD)).pages is None
    with pytest.raises(HeavyliftError):
        parse_start(json.dumps({**RECORD, "pages": {"later": -1}}))


def test_busy_defaults_to_the_length_of_the_span() -> None:
    assert parse_start(json.dumps(RECORD)).spans[2].busy == 0.25


def test_elapsed_runs_from_the_first_start_to_the_last_end() -> None:
    start = parse_start(json.dumps(RECORD))
    assert start.elapsed("fetch", "applib") == 2.0
    assert start.elapsed("warmup", "index") == 0.0


def test_a_failed_start_keeps_its_error() -> None:
    failed = {**RECORD, "error": {"type": "ObjectMissing", "message": "no such key"}}
    assert parse_start(json.dumps(failed)).error == "ObjectMissing: no such key"


@pytest.mark.parametrize("missing", ["mode", "spans", "bytes", "peak_disk"])
def test_an_incomplete_line_names_what_is_missing(missing: str) -> None:
    record = {key: value for key, value in RECORD.items() if key != missing}
    with pytest.raises(HeavyliftError, match=missing):
        parse_start(json.dumps(record))


IMPORTS: list[dict[str, Any]] = [
    {"package": "numpy", "seconds": 0.25, "modules": 190},
    {"package": "others", "seconds": 0.5, "modules": 40},
    {"package": "tensorflow", "seconds": 1, "modules": 2100},
]


def test_imports_are_parsed_the_slowest_first_and_the_others_last() -> None:
    start = parse_start(json.dumps({**RECORD, "imports": IMPORTS, "cores": 2}))
    assert start.imports == (
        ImportTime(name="tensorflow", seconds=1.0, modules=2100),
        ImportTime(name="numpy", seconds=0.25, modules=190),
        ImportTime(name="others", seconds=0.5, modules=40),
    )


@pytest.mark.parametrize("cores", [2, 0.35])
def test_cores_may_be_a_fraction(cores: float) -> None:
    assert parse_start(json.dumps({**RECORD, "cores": cores})).cores == cores


@pytest.mark.parametrize("extra", [{}, {"imports": None, "cores": None}, {"imports": []}])
def test_imports_and_cores_may_be_missing(extra: dict[str, Any]) -> None:
    start = parse_start(json.dumps({**RECORD, **extra}))
    assert (start.imports, start.cores) == ((), None)


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ({"cores": 0}, "cores is 0"),
        ({"cores": -1}, "cores is -1"),
        ({"cores": "2"}, "cores is '2'"),
        ({"cores": True}, "cores is True"),
        ({"cores": float("nan")}, "cores is nan"),
        ({"imports": {}}, "imports is {}"),
        ({"imports": "tensorflow"}, "imports is 'tensorflow'"),
        ({"imports": ["tensorflow"]}, "TypeError"),
        ({"imports": [{"seconds": 1.0, "modules": 1}]}, "package"),
        ({"imports": [{**IMPORTS[0], "package": 7}]}, "package is 7"),
        ({"imports": [{**IMPORTS[0], "package": ""}]}, "package is ''"),
        ({"imports": [{**IMPORTS[0], "seconds": -0.5}]}, "seconds is -0.5"),
        ({"imports": [{**IMPORTS[0], "seconds": None}]}, "seconds is None"),
        ({"imports": [{**IMPORTS[0], "seconds": float("inf")}]}, "seconds is inf"),
        ({"imports": [{**IMPORTS[0], "modules": 1.5}]}, "modules is 1.5"),
        ({"imports": [{**IMPORTS[0], "modules": -1}]}, "modules is -1"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"spans": [{"phase": "fetch", "item": "applib", "start": -1.0, "end": 0.0}]}, "start is -1.0"),
        ({"files": float("inf")}, "OverflowError"),
    ],
    ids=str,
)
def test_a_bad_value_is_named(extra: dict[str, Any], what: str) -> None:
    with pytest.raises(HeavyliftError, match=f"not a start's log line .*{re.escape(what)}"):
        parse_start(json.dumps({**RECORD, **extra}))


def test_starts_are_found_among_other_lines_in_order() -> None:
    log = [
        "FC Initialize Start RequestId: 1",
        json.dumps(RECORD),
        '{"event": "something else", "message": "it follows heavylift.start"}',
        "2026-11-01 [INFO] " + json.dumps({**RECORD, "mode": "request"}) + "\n",
        "FC Invoke End RequestId: 2",
    ]
    assert [start.mode for start in find_starts(log)] == ["initializer", "request"]
