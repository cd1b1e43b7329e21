"""The order of a load, and the pieces of files that blocks are."""

from __future__ import annotations

from heavylift.contracts.archive import BLOCK_SIZE, BYTECODE_NAME, Block, Content, FileEntry, Index, Layout
from heavylift.contracts.loading import (
    IMPORT,
    CodeBlock,
    LoadPlan,
    Piece,
    Pieces,
    code_blocks,
    hot_blocks,
    libraries_by_pages,
    plan_load,
)
from heavylift.contracts.pages import PAGE, Library, Region, Run
from tests.support.contents import CONTENT, ZERO

MB = BLOCK_SIZE // 4
# A library of 5 MB; the pages from 1 MB to 3 MB are code, in three blocks; the first block of code is cold but for a page, the
# second is hot, the third is cold.
LIBRARY = Library(
    file=1,
    regions=(Region(MB - 10, 2 * MB + 20, 5, 100),),
    hot=(Run(MB // PAGE, 1), Run(3 * MB // 2 // PAGE, MB // 2 // PAGE)),
)
PAGED = Content(
    files=(FileEntry("a", 0o644, 3, 0, 0), FileEntry("lib.so", 0o755, 5 * MB, 2, 0), FileEntry("b", 0o644, 2, 7, 0)),
    blocks=tuple(Block(raw, ZERO) for raw in (3, MB // 2 + PAGE, MB, MB // 2, MB // 2, MB, 2 * MB, 2)),
    eager=1,
    libraries=(LIBRARY,),
    used=2,
)
BYTECODE = f"{BYTECODE_NAME}/0.bin"


def _index(*, bytecode: int, behind: int) -> Index:
    """Return an archive with the library, and used bytecode of so many bytes behind it, which takes `behind` bytes to fetch."""
    files = (*PAGED.files[:2], FileEntry(BYTECODE, 0o644, bytecode, 7, 0))
    content = PAGED._replace(files=files, blocks=(*PAGED.blocks[:7], Block(bytecode, ZERO)), used=3)
    return Index(content, tuple(Layout(0, size) for size in (*[10] * 7, behind)))


def test_a_file_needs_its_blocks_and_those_of_the_eager_files() -> None:
    assert plan_load(CONTENT, ()).needs == (1, 1, 4, 5, 6)
    assert plan_load(CONTENT._replace(eager=3), ()).needs == (4, 4, 4, 5, 6)
    assert plan_load(CONTENT._replace(eager=0), ()).needs == (1, 1, 4, 5, 6)


def test_an_archive_without_libraries_has_one_order() -> None:
    assert plan_load(CONTENT, ()) == LoadPlan(tuple(range(6)), 6, (1, 1, 4, 5, 6))


def _all(content: Content) -> tuple[tuple[Piece, ...], ...]:
    """Return the pieces of each block; those of the last one are asked for first."""
    pieces = Pieces(content)
    return tuple(pieces[block] for block in reversed(range(len(content.blocks))))[::-1]


def test_each_byte_of_a_block_belongs_to_one_piece() -> None:
    assert _all(CONTENT) == (
        (Piece(0, 0, 0, 5), Piece(1, 5, 0, 0)),
        (Piece(2, 0, 0, BLOCK_SIZE),),
        (Piece(2, 0, BLOCK_SIZE, BLOCK_SIZE),),
        (Piece(2, 0, 2 * BLOCK_SIZE, 3),),
        (Piece(3, 0, 0, BLOCK_SIZE),),
        (Piece(4, 0, 0, 2),),
    )


def test_a_block_of_hot_pages_is_a_piece_for_each_run() -> None:
    found = _all(PAGED)
    assert found[1] == (Piece(1, 0, MB, PAGE), Piece(1, PAGE, 3 * MB // 2, MB // 2))
    assert found[2:7] == (
        (Piece(1, 0, 0, MB),),
        (Piece(1, 0, MB, MB // 2),),
        (Piece(1, 0, 3 * MB // 2, MB // 2),),
        (Piece(1, 0, 2 * MB, MB),),
        (Piece(1, 0, 3 * MB, 2 * MB),),
    )


def test_hot_pages_go_on_in_the_next_block() -> None:
    region = Region(0, 3 * BLOCK_SIZE, 5, 3 * BLOCK_SIZE)
    library = Library(0, (region,), (Run(1, BLOCK_SIZE // PAGE), Run(2 * BLOCK_SIZE // PAGE, 1)))
    sizes = (BLOCK_SIZE, PAGE * 2 - PAGE, BLOCK_SIZE, BLOCK_SIZE, BLOCK_SIZE, 4)
    content = Content(
        (FileEntry("lib.so", 0o755, 3 * BLOCK_SIZE + 4, 2, 0),),
        tuple(Block(raw, ZERO) for raw in sizes),
        eager=0,
        libraries=(library,),
        used=1,
    )
    assert hot_blocks(content, library) == range(2)
    assert _all(content)[:2] == (
        (Piece(0, 0, PAGE, BLOCK_SIZE),),
        (Piece(0, 0, 2 * BLOCK_SIZE, PAGE),),
    )


def test_blocks_of_code_tell_whether_they_hold_a_cold_page() -> None:
    first, half = MB // PAGE, MB // 2 // PAGE
    assert list(code_blocks(PAGED, [LIBRARY])) == [
        CodeBlock(3, 0, range(first, first + half), cold=True),
        CodeBlock(4, 0, range(first + half, first + 2 * half), cold=False),
        CodeBlock(5, 0, range(2 * first, 3 * first), cold=True),
    ]


def test_by_pages_code_comes_last_and_what_is_hot_not_twice() -> None:
    plan = plan_load(PAGED, [LIBRARY])
    assert plan == LoadPlan(blocks=(0, 1, 2, 6, 7, 3, 5), ready=4, needs=(1, 4, 5))
    assert plan_load(PAGED._replace(used=3), [LIBRARY]).ready == 5
    assert plan_load(PAGED._replace(used=0, eager=0), [LIBRARY]).ready == 0


def test_otherwise_files_come_whole_and_hot_pages_not_by_themselves() -> None:
    assert plan_load(PAGED, ()) == LoadPlan(blocks=(0, 2, 3, 4, 5, 6, 7), ready=6, needs=(1, 6, 7))


def test_a_library_comes_by_pages_where_the_import_behind_it_takes_longer_than_the_load() -> None:
    # Behind the library, whole, are the bytes of "b"; they load as long as so many bytes of bytecode import.
    assert libraries_by_pages(_index(bytecode=250, behind=IMPORT * 250 - 1)) == (LIBRARY,)
    assert libraries_by_pages(_index(bytecode=250, behind=IMPORT * 250)) == ()


def test_bytecode_that_no_start_uses_or_that_comes_before_a_library_does_not_count() -> None:
    index = _index(bytecode=250, behind=0)
    assert libraries_by_pages(index._replace(content=index.content._replace(used=2))) == ()
    first, library, bytecode = index.content.files
    swapped = (bytecode._replace(block=0), library, first._replace(block=7))
    assert libraries_by_pages(index._replace(content=index.content._replace(files=swapped))) == ()


def test_code_that_is_postponed_is_loaded_behind_the_libraries_that_follow() -> None:
    index = _index(
        bytecode=250, behind=400
    )  # 400 < 1000: by pages, and of the second one 700 are left with 300 of code
    second = Library(2, (Region(0, 2 * MB, 5, 4 * MB),), ())
    files = (*index.content.files[:2], FileEntry("two.so", 0o755, 5 * MB, 7, 0), FileEntry(BYTECODE, 0o644, 250, 10, 0))
    blocks = (*index.content.blocks[:7], *(Block(raw, ZERO) for raw in (2 * MB, 2 * MB, MB, 250)))
    content = index.content._replace(files=files, blocks=blocks, libraries=(LIBRARY, second), used=4)
    for code, found in ((300, (LIBRARY, second)), (600, (LIBRARY,))):
        sizes = (1, 1, 1, code, 0, 0, 1, 1, 1, 1, 400)
        places = tuple(Layout(0, size) for size in sizes)
        assert libraries_by_pages(Index(content, places)) == found
