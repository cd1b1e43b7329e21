"""The order in which a loader brings an archive's blocks, the files that they fill, and what a file waits for.

Pure functions of a checked `Index`. A start that may leave pages out loads libraries *by pages*: of each its hot pages and all that
is not code, and its blocks of code behind everything else. Other libraries are loaded as they are, and no block of their hot pages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from heavylift.contracts.archive import BLOCK_SIZE, BYTECODE_NAME, Content, Index
from heavylift.contracts.pages import PAGE, Library

# Bytes that a load brings while a start imports a byte of bytecode: 32 ns, of 20 to 37 with five functions, at 1 Gbit/s, the least
# that an instance has (docs/decisions/working-set.md). On a faster link a load takes the processor that long.
IMPORT = 4


class Piece(NamedTuple):
    """The part of a block that belongs to one file.

    Attributes:
        file: position in `Content.files`.
        start: bytes from the start of the block.
        position: bytes from the start of the file.
        size: bytes.
    """

    file: int
    start: int
    position: int
    size: int


class CodeBlock(NamedTuple):
    """A block that holds pages of one region, and nothing else.

    Attributes:
        block: its number.
        library: position in the libraries that are loaded by pages.
        pages: of the library's file.
        cold: whether any of them is; a block without a cold page is never needed when a library is loaded by pages.
    """

    block: int
    library: int
    pages: range
    cold: bool


class LoadPlan(NamedTuple):
    """The blocks of a load by their numbers, in order.

    Attributes:
        blocks: all of them that the load brings.
        ready: how many of the first are the working set: what a recorded start may have used.
        needs: for each file, how many of the first must be there before it may be used.
    """

    blocks: tuple[int, ...]
    ready: int
    needs: tuple[int, ...]


def plan_load(content: Content, libraries: Sequence[Library]) -> LoadPlan:
    """Return the order of a load: first what a recorded start may have used, then the other files.

    Args:
        content: of the archive.
        libraries: those of its libraries that are loaded by pages. Their blocks of code that hold a cold page come last; a library
            may be used without these: whoever executes a page that is absent waits for it. All others come as they are.
    """
    codes = {each.block: each for each in code_blocks(content, libraries)}
    whole = (library for library in content.libraries if library not in libraries)
    passed = codes.keys() | {block for library in whole for block in hot_blocks(content, library)}
    order = [number for number in range(len(content.blocks)) if number not in passed]
    count = {block: place for place, block in enumerate(order, 1)}
    ends = [
        count[entry.block]
        if entry.size <= BLOCK_SIZE
        else max(count.get(block, 0) for block, _ in _stretches(content, file))
        for file, entry in enumerate(content.files)
    ]
    least = ends[content.eager - 1] if content.eager else 0
    needs = tuple(max(least, end) for end in ends)
    used = len(content.files) if content.used is None else content.used
    cold = [each.block for each in codes.values() if each.cold]
    return LoadPlan((*order, *cold), needs[used - 1] if used else 0, needs)


def libraries_by_pages(index: Index) -> tuple[Library, ...]:
    """Return the libraries of which a load that brings everything brings the hot pages first, and once more with all code.

    Of a library that comes whole nothing is fetched twice, and whoever imports it waits longer. So it comes whole where the import
    behind it takes no longer than the load behind it: the load ends last then, and the sooner.
    """
    content = index.content
    plan = plan_load(content, ())
    sizes = [index.layout[block].packed for block in plan.blocks]
    behind = [0, *accumulate(reversed(sizes))][::-1]  # bytes to fetch, by the number of blocks that are there
    used = len(content.files) if content.used is None else content.used
    bytecode = [entry.size * entry.path.startswith(f"{BYTECODE_NAME}/") for entry in content.files[:used]]
    chosen: list[Library] = []
    postponed = 0  # bytes of code
    for library in content.libraries:
        load = behind[plan.needs[library.file]] + postponed
        if load < IMPORT * sum(bytecode[library.file :]):
            chosen.append(library)
            postponed += sum(index.layout[code.block].packed for code in code_blocks(content, [library]))
    return tuple(chosen)


class Pieces:
    """The pieces of files that the bytes of each block are; those of a block of hot pages are runs of pages.

    They are found when a block comes: nothing could be unpacked while those of all blocks are found, 7 ms for 4,500 files. Used by
    several threads at once.

    Args:
        content: of the archive.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._starts = [entry.block for entry in content.files]
        self._hot = {block: library for library in content.libraries for block in hot_blocks(content, library)}
        self._found: dict[int, tuple[Piece, ...]] = {}

    def __getitem__(self, block: int) -> tuple[Piece, ...]:
        """Return the pieces of a block, by its number."""
        if block not in self._found:
            self._found |= self._find(block)
        return self._found[block]

    def _find(self, block: int) -> dict[int, tuple[Piece, ...]]:
        """Return the pieces of a block, and of the others with which a large file or its hot pages are complete."""
        content = self._content
        if block in self._hot:
            parts = _hot_pieces(content, self._hot[block])
        else:
            first, stop = bisect_left(self._starts, block), bisect_right(self._starts, block)
            files = content.files[first:stop]
            if files and files[0].size <= BLOCK_SIZE:
                return {block: tuple(Piece(file, each.offset, 0, each.size) for file, each in enumerate(files, first))}
            parts = _stretches(content, stop - 1)
        found: dict[int, list[Piece]] = {}
        for number, piece in parts:
            found.setdefault(number, []).append(piece)
        return {number: tuple(each) for number, each in found.items()}


def hot_blocks(content: Content, library: Library) -> range:
    """Return the numbers of the blocks with a library's hot pages: they stand before those of its file."""
    first = content.files[library.file].block
    return range(first - -(-library.hot_size // BLOCK_SIZE), first)


def code_blocks(content: Content, libraries: Sequence[Library]) -> Iterator[CodeBlock]:
    """Yield the blocks of code of some libraries, in order."""
    for number, library in enumerate(libraries):
        runs = list(library.cold())
        ends = [run.end for run in runs]
        for block, piece in _stretches(content, library.file):
            pages = range(-(-piece.position // PAGE), (piece.position + piece.size) // PAGE)
            if pages and any(pages.start in region.pages for region in library.regions):
                follower = bisect_right(ends, pages.start)  # the first run that ends behind the block's first page
                cold = follower < len(runs) and runs[follower].page < pages.stop
                yield CodeBlock(block, number, pages, cold)


def _stretches(content: Content, file: int) -> Iterator[tuple[int, Piece]]:
    """Yield the blocks that hold a file, and its piece of each."""
    entry = content.files[file]
    block, start, position = entry.block, entry.offset, 0
    while True:
        size = min(entry.size - position, content.blocks[block].raw - start)
        yield block, Piece(file, start, position, size)
        position += size
        if position == entry.size:
            return
        block, start = block + 1, 0


def _hot_pieces(content: Content, library: Library) -> Iterator[tuple[int, Piece]]:
    """Yield the blocks of a library's hot pages, and the pieces that fill them; a run may go on in the next block."""
    block, start = hot_blocks(content, library).start, 0
    for run in library.hot:
        position, end = PAGE * run.page, PAGE * run.end
        while position < end:
            size = min(end - position, BLOCK_SIZE - start)
            yield block, Piece(library.file, start, position, size)
            position, start = position + size, start + size
            if start == BLOCK_SIZE:
                block, start = block + 1, 0
