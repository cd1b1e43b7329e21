"""Recordings: their file, and what becomes of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from heavylift.build.ahead import Ahead
from heavylift.build.cuts import Paged
from heavylift.build.errors import BuildError
from heavylift.build.recording import (
    LibraryCode,
    Recorded,
    Recording,
    choose_pages,
    find_code,
    merge_recordings,
    read_recording,
    record_pages,
    write_recording,
)
from heavylift.contracts.archive import BLOCK_SIZE
from heavylift.contracts.pages import PAGE, Region, Run
from tests.support.elf import CODE, DATA, RX, R, Section, Segment, make_library

REGIONS = (Region(PAGE - 10, 3 * PAGE + 20, 5, 64), Region(8 * PAGE, 4 * PAGE, 5, 120))  # pages 1 to 3, and 8 to 11
PATTERNS = (("a\n\ud800é", 2), (b"\xff\\d", 0))
CODES = {"a.so": LibraryCode(REGIONS, "a" * 64), "b.so": LibraryCode(REGIONS, "b" * 64)}


def test_pages_are_counted_through_the_regions() -> None:
    recorded = record_pages({"a.so": [0, 1, 3, 8, 9, 11, 12]}, CODES)
    assert recorded == {
        "a.so": Recorded("a" * 64, (Run(0, 1), Run(2, 3), Run(6, 1))),
        "b.so": Recorded("b" * 64, ()),
    }
    paged, unknown = choose_pages(Recording(recorded), CODES)
    assert paged == {
        "a.so": Paged(REGIONS, (Run(1, 1), Run(3, 1), Run(8, 2), Run(11, 1))),
        "b.so": Paged(REGIONS, ()),
    }
    assert unknown == []


def test_a_library_with_other_code_has_no_recording() -> None:
    recording = Recording({"a.so": Recorded("0" * 64, (Run(0, 1),))})
    assert choose_pages(recording, CODES) == ({}, ["a.so", "b.so"])


def test_a_library_of_which_all_is_hot_is_whole() -> None:
    recording = Recording({"a.so": Recorded("a" * 64, (Run(0, 7),))})
    assert choose_pages(recording, CODES) == ({}, ["b.so"])


def test_what_is_recorded_again_is_added_to_the_same_code_and_replaces_other_code(tmp_path: Path) -> None:
    old = {
        "a.so": Recorded("a" * 64, (Run(0, 2),)),
        "b.so": Recorded("0" * 64, (Run(0, 2),)),
        "gone.so": Recorded("c" * 64, ()),
    }
    new = {"a.so": Recorded("a" * 64, (Run(2, 1), Run(5, 1))), "b.so": Recorded("b" * 64, (Run(1, 1),))}
    merged = merge_recordings(Recording(old), Recording(new), tmp_path)
    assert merged.libraries == {
        "a.so": Recorded("a" * 64, (Run(0, 3), Run(5, 1))),
        "b.so": Recorded("b" * 64, (Run(1, 1),)),
    }


def test_files_that_are_opened_again_are_added_and_those_that_have_gone_are_forgotten(tmp_path: Path) -> None:
    for name in ("a.pyc", "b.pyc", "c.txt"):
        (tmp_path / name).touch()
    old, new = Recording({}, ("b.pyc", "gone.pyc", "a.pyc")), Recording({}, ("c.txt", "a.pyc"))
    assert merge_recordings(old, new, tmp_path).opened == ("c.txt", "a.pyc", "b.pyc")


def test_a_recording_is_written_the_same_way_and_read_again(tmp_path: Path) -> None:
    runs = tuple(Run(page, 1 + page % 3) for page in range(0, 5000, 5))
    libraries = {"b.so": Recorded("b" * 64, runs), "a.so": Recorded("a" * 64, (Run(0, 1),))}
    recording = Recording(libraries, ("b.so", "a/__pycache__/a.pyc"), Ahead(("typing", "ssl"), ("brotli",)), PATTERNS)
    write_recording(recording, tmp_path / "one.json")
    write_recording(replace(recording, libraries=dict(sorted(libraries.items()))), tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert read_recording(tmp_path / "one.json") == recording
    assert max(map(len, (tmp_path / "one.json").read_text().splitlines())) < 130


def test_without_a_file_nothing_is_recorded(tmp_path: Path) -> None:
    assert read_recording(tmp_path / "none.json") == Recording({})


def test_the_modules_to_import_ahead_and_the_patterns_are_those_of_the_last_recorded_start(tmp_path: Path) -> None:
    old, new = Recording({}, (), Ahead(("ssl",)), (("a", 0),)), Recording({}, (), Ahead(("typing",)), PATTERNS)
    assert merge_recordings(old, new, tmp_path) == new


def test_a_recording_of_before_tells_of_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(
        '{"format": 3, "libraries": {}, "opened": ["a"], "ahead": {"modules": ["ssl"], "missed": []}}'
    )
    assert read_recording(tmp_path / "r.json") == Recording({}, ("a",), Ahead(("ssl",)))


def test_a_recording_of_before_tells_of_no_module(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"format": 2, "libraries": {}, "opened": ["a"]}')
    assert read_recording(tmp_path / "r.json") == Recording({}, ("a",))


def test_a_recording_of_before_tells_of_no_file(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"format": 1, "libraries": {"a.so": {"code": "a", "touched": ["0-2"]}}}')
    assert read_recording(tmp_path / "r.json") == Recording({"a.so": Recorded("a", (Run(0, 3),))})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 5, "libraries": {}, "opened": [], "ahead": {"modules": [], "missed": []}, "patterns": []}',
        '{"format": 4, "libraries": {}, "opened": [], "ahead": {"modules": [], "missed": []}}',
        '{"format": 3, "libraries": {}, "opened": []}',
        '{"format": 3, "libraries": {}, "opened": [], "ahead": {"modules": [1], "missed": []}}',
        '{"format": 2, "libraries": {}}',
        '{"format": 2, "libraries": {}, "opened": [1]}',
        '{"format": 1, "libraries": {"a.so": {"touched": []}}}',
        '{"format": 1, "libraries": {"a.so": {"code": "a", "touched": ["1 0"]}}}',
        '{"format": 1, "libraries": {"a.so": {"code": "a", "touched": ["3-2"]}}}',
        '{"format": 1, "libraries": {"a.so": {"code": "a", "touched": ["1-2 2"]}}}',
        '{"format": 1, "libraries": {"a.so": {"code": "a", "touched": ["x"]}}}',
    ],
)
def test_a_damaged_recording_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(BuildError, match=r"r\.json is no recording"):
        read_recording(tmp_path / "r.json")


@pytest.mark.parametrize("word", ["", "0", "0 a", "x 'a'", "-1 'a'", "0 3", "0 'a' + 'b'", "0 [[["])
def test_a_damaged_pattern_is_named(tmp_path: Path, word: str) -> None:
    write_recording(Recording({}), tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text()
    (tmp_path / "r.json").write_text(text.replace('"patterns": []', f'"patterns": ["{word}"]'))
    with pytest.raises(BuildError, match=rf"r\.json is no recording: {re.escape(repr(word)[:50])}"):
        read_recording(tmp_path / "r.json")


def test_only_large_libraries_have_code_that_may_come_later_and_symbols_do_not_change_it(tmp_path: Path) -> None:
    content = bytes(range(256)) * (BLOCK_SIZE // 256) + bytes(PAGE)
    segments, sections = (Segment(0, PAGE, R), Segment(PAGE, 9 * PAGE, RX)), (Section(PAGE, 100, CODE),)
    (tmp_path / "a.so").write_bytes(make_library(content, segments, sections, dynamic=((5, 0),)))
    (tmp_path / "b.so").write_bytes(make_library(content + bytes(1000), segments, sections, dynamic=((5, 0),)))
    (tmp_path / "small.so").write_bytes(make_library(bytes(20 * PAGE), segments, sections, dynamic=((5, 0),)))
    (tmp_path / "large.bin").write_bytes(content)
    found = find_code(tmp_path, ["a.so", "b.so", "small.so", "large.bin"])
    assert list(found) == ["a.so", "b.so"]
    assert found["a.so"].digest == found["b.so"].digest


def test_pages_of_unwind_tables_are_counted_behind_those_of_code(tmp_path: Path) -> None:
    content = bytes(range(256)) * (BLOCK_SIZE // 256) + bytes(PAGE)
    segments = (Segment(0, PAGE, R), Segment(PAGE, 4 * PAGE, R), Segment(5 * PAGE, 9 * PAGE, RX))
    sections = (Section(PAGE, 4 * PAGE, DATA, ".eh_frame"), Section(5 * PAGE, 100, CODE))
    (tmp_path / "a.so").write_bytes(make_library(content, segments, sections, dynamic=((5, 0),)))
    code = find_code(tmp_path, ["a.so"])
    recorded = record_pages({"a.so": [2, 3, 5]}, code)
    assert recorded["a.so"].touched == (Run(0, 1), Run(10, 2))
    paged, unknown = choose_pages(Recording(recorded), code)
    assert not unknown
    assert paged["a.so"].hot == (Run(2, 2), Run(5, 1))
    assert [region.offset for region in paged["a.so"].regions] == [PAGE, 5 * PAGE]
