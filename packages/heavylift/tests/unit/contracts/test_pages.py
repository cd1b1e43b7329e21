"""The libraries of an index: what is accepted, and the message for what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heavylift.contracts.archive import BLOCK_SIZE, Block, Content, FileEntry, Index, Layout
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.index import content_digest, dump_index, parse_index
from heavylift.contracts.pages import PAGE, Library, Region, Run

ZERO = "0" * 64
SIZE = 2 * BLOCK_SIZE
CODE = BLOCK_SIZE // 2  # where the code begins; it ends a page before the file's end
LIBRARY = Library(
    file=1,
    regions=(Region(PAGE - 8, 3 * PAGE, 5, 64), Region(CODE, SIZE - PAGE - CODE + 1, 1, 120)),
    hot=(Run(1, 1), Run(CODE // PAGE, 2), Run(CODE // PAGE + 4, 1)),
)
SIZES = (3, 4 * PAGE, PAGE, 2 * PAGE, CODE - 3 * PAGE, CODE, CODE * 2 - PAGE, PAGE, 1)
CONTENT = Content(
    files=(
        FileEntry("a", 0o644, 3, 0, 0),
        FileEntry("lib.so", 0o755, SIZE, 2, 0),
        FileEntry("b", 0o644, 1, 8, 0),
    ),
    blocks=tuple(Block(raw, ZERO) for raw in SIZES),
    eager=1,
    libraries=(LIBRARY,),
    used=2,
)
INDEX = Index(CONTENT, tuple(Layout(10 * number, 10) for number in range(len(SIZES))))


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    record = json.loads(dump_index(INDEX))
    change(record["content"])
    return json.dumps(record).encode()


def library(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["libraries"][0].update(changes)


def region(number: int, **changes: int) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["libraries"][0]["regions"][number].update(changes)


def blocks(*sizes: int) -> Callable[[dict[str, Any]], object]:
    def change(content: dict[str, Any]) -> None:
        content["blocks"][2:8] = [{"raw": size, "sha256": ZERO} for size in sizes]
        content["files"][2]["block"] = 2 + len(sizes)

    return change


def test_what_is_written_can_be_read() -> None:
    assert parse_index(dump_index(INDEX)) == INDEX


def test_libraries_with_tables_have_a_format_of_their_own() -> None:
    table, code = LIBRARY.regions
    tables = CONTENT._replace(libraries=(LIBRARY._replace(regions=(table._replace(flags=4), code)),))
    data = dump_index(INDEX._replace(content=tables))
    assert b'"format":5' in data
    assert parse_index(data).content == tables


def test_a_region_has_the_pages_that_are_its_own() -> None:
    assert Region(PAGE - 8, 3 * PAGE, 5, 64).pages == range(1, 3)
    assert Region(PAGE, 2 * PAGE, 5, 64).pages == range(1, 3)
    assert not Region(PAGE + 1, 2 * PAGE - 2, 5, 64).pages


def test_pages_that_no_start_touched_are_cold() -> None:
    first, last = CODE // PAGE, (SIZE - PAGE) // PAGE
    assert list(LIBRARY.cold()) == [Run(2, 1), Run(first + 2, 2), Run(first + 5, last - first - 5)]
    assert list(LIBRARY._replace(hot=()).cold()) == [Run(1, 2), Run(first, last - first)]
    whole = (Run(1, 2), Run(first, last - first))
    assert list(LIBRARY._replace(hot=whole).cold()) == []


def test_the_digest_covers_the_recording() -> None:
    digests = {
        content_digest(CONTENT),
        content_digest(CONTENT._replace(used=3)),
        content_digest(CONTENT._replace(libraries=(LIBRARY._replace(hot=()),))),
        content_digest(CONTENT._replace(libraries=(), used=None)),
    }
    assert len(digests) == 4


REFUSED: dict[str, Callable[[dict[str, Any]], object]] = {
    "content.libraries: is missing": lambda content: content.pop("libraries"),
    "content.format: is 4; archives with such libraries have format 3": lambda content: content.update(libraries=[]),
    "content.libraries[0].file: is missing": lambda content: content["libraries"][0].pop("file"),
    "content.libraries[0].file: is 3": library(file=3),
    "content.libraries[0].file: is 2, of 1 bytes": library(file=2),
    "content.libraries[1].file: is 1": lambda content: content["libraries"].append(content["libraries"][0]),
    "content.used: is missing": lambda content: content.pop("used"),
    "content.used: is 0": lambda content: content.update(used=0),
    "content.used: is 4": lambda content: content.update(used=4),
    "content.libraries[0].regions: are 0": library(regions=[]),
    "content.libraries[0].regions: are 17": lambda content: content["libraries"][0].update(
        regions=[{"offset": PAGE * n, "size": PAGE, "flags": 5, "header": 0} for n in range(17)]
    ),
    "content.libraries[0].regions[1].offset: is 16375": region(1, offset=4 * PAGE - 9),
    "content.libraries[0].regions[1].size: is 281474976710655": region(1, size=(1 << 48) - 1),
    "content.libraries[0].regions[0].size: is 4095": region(0, offset=PAGE, size=PAGE - 1),
    "content.libraries[0].regions[0].flags: is 7": region(0, flags=7),
    "content.libraries[0].regions[0].flags: is 6": region(0, flags=6),
    "content.format: is 4; archives with such libraries have format 5": region(0, flags=4),
    "content.libraries[0].regions: have p_flags at 64": region(1, header=66),
    "content.libraries[0].regions: have p_flags at 8388606": region(1, header=SIZE - 2),
    "content.libraries[0].regions: have p_flags at 2097150": region(1, header=CODE - 2),
    "content.libraries[0].regions: have p_flags at 2097152": region(1, header=CODE),
    "content.libraries[0].hot[0]: is not two": library(hot=[[1]]),
    "content.libraries[0].hot[1]: is not two": library(hot=[[1, 1], [1, True]]),
    "content.libraries[0].hot[2]: is not two": library(hot=[[1, 1], [2, 1], [3, -1]]),
    "content.libraries[0].hot[0]: has no page": library(hot=[[1, 0]]),
    "content.libraries[0].hot[1]: begins at page 513": library(hot=[[CODE // PAGE, 2], [CODE // PAGE + 1, 1]]),
    "content.libraries[0].hot[1]: begins at page 1": library(hot=[[CODE // PAGE, 1], [1, 1]]),
    "content.libraries[0].hot[0]: is pages 0 to 0": library(hot=[[0, 1]]),
    "content.libraries[0].hot[0]: is pages 2 to 3": library(hot=[[2, 2]]),
    "content.libraries[0].hot[0]: is pages 1 to 281474976710655": library(hot=[[1, (1 << 48) - 1]]),
    "content.blocks[1].raw: is 16384": library(hot=[[1, 1]]),
    "content.files[1]: does not stand behind": library(hot=[]),
    "has a block of bytes 0 to 8192": blocks(2 * PAGE, PAGE, CODE - 3 * PAGE, CODE, 2 * CODE - PAGE, PAGE),
    "has a block of bytes 4096 to 4196": blocks(
        PAGE, 100, 2 * PAGE - 100, CODE - 3 * PAGE, CODE, 2 * CODE - PAGE, PAGE
    ),
    "has a block of bytes 4194304 to 8388608": blocks(PAGE, 2 * PAGE, CODE - 3 * PAGE, CODE, 2 * CODE),
    "has a block of bytes 4096 to 4096": blocks(PAGE, 0, 2 * PAGE, CODE - 3 * PAGE, CODE, 2 * CODE - PAGE, PAGE),
    "has a block of bytes 8384512 to 8392704": blocks(PAGE, 2 * PAGE, CODE - 3 * PAGE, CODE, 2 * CODE - PAGE, 2 * PAGE),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_field_that_is_wrong_is_named(message: str) -> None:
    with pytest.raises(InvalidArchiveError) as caught:
        parse_index(changed(REFUSED[message]))
    assert message in str(caught.value)


def test_a_library_without_blocks_to_its_end_is_refused() -> None:
    def change(content: dict[str, Any]) -> None:
        del content["files"][2], content["blocks"][7:]
        content["used"] = 1

    with pytest.raises(InvalidArchiveError, match="has blocks up to"):
        parse_index(changed(change))
