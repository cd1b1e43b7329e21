"""Regions of code: which libraries have some, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from heavylift.build.elf import find_mixed_tables, read_code, read_tables
from heavylift.contracts.pages import Region
from tests.support.elf import (
    CODE,
    DATA,
    FLAGS,
    INTERP,
    RW,
    RWX,
    RX,
    TEXTREL,
    WRITABLE,
    R,
    Section,
    Segment,
    header_of,
    make_library,
)

PAGE = 4096
SIZE = 16 * PAGE
SEGMENTS = (Segment(0, 2 * PAGE - 100, R), Segment(2 * PAGE - 100, 5 * PAGE, RX), Segment(8 * PAGE, PAGE, RW))
SECTIONS = (Section(1024, 500, DATA), Section(2 * PAGE - 100, PAGE, CODE), Section(4 * PAGE, 100, CODE))
DYNAMIC = ((5, 0),)  # DT_STRTAB


def library(
    folder: Path,
    segments: Sequence[Segment] = SEGMENTS,
    sections: Sequence[Section] = SECTIONS,
    *,
    dynamic: Sequence[tuple[int, int]] = DYNAMIC,
    kind: int = 3,
) -> Path:
    path = folder / "lib.so"
    path.write_bytes(make_library(bytes(SIZE), segments, sections, dynamic=dynamic, kind=kind))
    return path


def test_what_an_executable_segment_maps_is_a_region(tmp_path: Path) -> None:
    assert read_code(library(tmp_path)) == (Region(2 * PAGE - 100, 5 * PAGE, RX, header_of(1)),)


def test_a_library_may_have_several_regions_in_any_order(tmp_path: Path) -> None:
    segments = (Segment(8 * PAGE, PAGE, RX), SEGMENTS[0], SEGMENTS[1])
    found = read_code(library(tmp_path, segments, (*SECTIONS, Section(8 * PAGE, 10, CODE))))
    assert found == (
        Region(2 * PAGE - 100, 5 * PAGE, RX, header_of(2)),
        Region(8 * PAGE, PAGE, RX, header_of(0)),
    )


WHOLE = {
    "data in the executable segment": {"sections": (*SECTIONS, Section(5 * PAGE, 8, DATA))},
    "no section table": {"sections": ()},
    "a writable executable segment": {"segments": (SEGMENTS[0], Segment(2 * PAGE, PAGE, RWX))},
    "memory beyond the file": {"segments": (SEGMENTS[0], Segment(2 * PAGE - 100, 5 * PAGE, RX, memory=6 * PAGE))},
    "another segment in it": {"segments": (*SEGMENTS, Segment(3 * PAGE, 10, R))},
    "less than a page": {"segments": (SEGMENTS[0], Segment(2 * PAGE - 100, PAGE, RX))},
    "relocations of code": {"dynamic": ((TEXTREL, 0),)},
    "relocations of code, by flags": {"dynamic": ((FLAGS, 4),)},
    "a program": {"segments": (*SEGMENTS, Segment(1024, 10, R, INTERP))},
    "an object file": {"kind": 1},
    "nothing to link": {"dynamic": ()},
    "the runtime of Go, which takes faults for its own": {
        "sections": (*SECTIONS, Section(8 * PAGE, 64, WRITABLE, ".go.buildinfo"))
    },
}


@pytest.mark.parametrize("why", WHOLE)
def test_a_library_that_cannot_do_without_a_page_has_no_region(tmp_path: Path, why: str) -> None:
    assert read_code(library(tmp_path, **WHOLE[why])) == ()  # type: ignore[arg-type]  # arguments by name


TABLES = (Section(PAGE // 2, 2 * PAGE, DATA, ".eh_frame_hdr"), Section(5 * PAGE // 2, 2 * PAGE, DATA, ".eh_frame"))


def test_unwind_tables_in_a_segment_of_their_own_are_a_region(tmp_path: Path) -> None:
    alone = (Segment(0, 100, R), Segment(PAGE // 2, 4 * PAGE, R), Segment(5 * PAGE, PAGE, RX))
    made = library(tmp_path, alone, (*TABLES, Section(5 * PAGE, 100, CODE)))
    assert read_tables(made) == (Region(PAGE // 2, 4 * PAGE, R, header_of(1)),)
    assert read_code(made) == (Region(5 * PAGE, PAGE, RX, header_of(2)),)
    assert find_mixed_tables(made) == []


def test_unwind_tables_beside_data_are_a_stretch_of_whole_pages(tmp_path: Path) -> None:
    mixed = (Segment(0, 5 * PAGE, R), Segment(5 * PAGE, PAGE, RX))
    made = library(tmp_path, mixed, (Section(1024, 500, DATA), *TABLES, Section(5 * PAGE, 100, CODE)))
    assert read_tables(made) == ()
    assert find_mixed_tables(made) == [range(PAGE, 4 * PAGE)]


def test_tables_that_are_written_to_are_no_region(tmp_path: Path) -> None:
    written = (Segment(0, 100, R), Segment(PAGE // 2, 4 * PAGE, RW), Segment(5 * PAGE, PAGE, RX))
    made = library(tmp_path, written, (*TABLES, Section(5 * PAGE, 100, CODE)))
    assert read_tables(made) == ()
    assert len(read_code(made)) == 1


def test_a_file_that_is_none_has_no_region(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    for content in (b"", b"text", b"\x7fELF", b"\x7fELF and no more"):
        path.write_bytes(content)
        assert read_code(path) == ()


def test_a_damaged_library_is_no_traceback(tmp_path: Path) -> None:
    whole = library(tmp_path).read_bytes()
    damaged = tmp_path / "damaged.so"
    for position in [*range(4, 300, 4), *range(SIZE, len(whole), 8)]:
        damaged.write_bytes(whole[:position] + b"\xff" * 8 + whole[position + 8 :])
        read_code(damaged)
