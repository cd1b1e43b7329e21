"""Archives with a library that is loaded by pages: a module that calls its functions, and a file that only Python opens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from heavylift.contracts.archive import BLOCK_SIZE, BYTECODE_NAME, INDEX_NAME, Block, Content, FileEntry, Index, Layout
from heavylift.contracts.index import dump_index
from heavylift.contracts.pages import HOT, PAGE, Library, Region, Run
from tests.support.loading import Packed, _Writer, frame
from tests.support.paging import code_library, segments_of

FUNCTIONS = 600
HOT_FUNCTIONS = range(5)  # that the user's module calls when it is imported
CODE_PAGES = 16  # in a block of code
BYTECODE = (
    1024 * 1024
)  # bytes behind the library: importing them takes longer than loading the little that the archive has
MODULE = """
import ctypes, os
path = os.path.join(os.path.dirname(__file__), "libcode.so")
call = ctypes.CDLL(path).call
def right(numbers):
    return all(call(n) == 3 * n + 1 for n in numbers)
"""
USER = """
import heavy
hot = heavy.right(range(5))
def handler(event, context):
    numbers = eval(event.decode())
    return heavy.right(numbers)
"""


def large_library() -> Path:
    """Return a library that is large enough to be loaded by pages."""
    return code_library(FUNCTIONS, padding=BLOCK_SIZE)


def runs_of(pages: Iterable[int]) -> tuple[Run, ...]:
    """Return pages as runs."""
    runs: list[Run] = []
    for page in sorted(set(pages)):
        if runs and runs[-1].end == page:
            runs[-1] = Run(runs[-1].page, runs[-1].count + 1)
        else:
            runs.append(Run(page, 1))
    return tuple(runs)


def pages_of(library: Path, numbers: Iterable[int]) -> list[int]:
    """Return the pages of the library's file that its start executes, and these functions."""
    from elftools.elf.elffile import ELFFile

    with library.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym")
        assert symbols is not None
        places = [symbols.get_symbol_by_name(f"f{number}")[0]["st_value"] // PAGE for number in numbers]
    (segment,) = segments_of(library)
    first = -(-segment.offset // PAGE)
    return [*range(first, first + 2), *places]


def pack_paged(hot: Iterable[int] = range(5), *, code_pages: int = CODE_PAGES, bytecode: int = BYTECODE) -> Packed:
    """Pack `heavy`, whose library has a function on each page; those of `hot` are in the recording, as is some bytecode."""
    path = large_library()
    content = path.read_bytes()
    (segment,) = segments_of(path)
    region = Region(segment.offset, segment.size, segment.flags, segment.header)
    library = Library(1, (region,), tuple(run for run in runs_of(pages_of(path, hot)) if run.page in region.pages))
    writer, entries, blocks, layout = _Writer(), [], [], []
    zipped: list[tuple[str, bytes]] = []

    def add(name: str, parts: list[bytes]) -> None:
        packed = [frame(part) for part in parts]
        zipped.append((name, b"".join(packed)))
        offset = writer.add(name, b"".join(packed), 0o644)
        for part, stretch in zip(parts, packed, strict=True):
            blocks.append(Block(len(part), hashlib.sha256(stretch).hexdigest()))
            layout.append(Layout(offset, len(stretch)))
            offset += len(stretch)

    def add_small(name: str, raw: bytes) -> None:
        entries.append(FileEntry(name, 0o644, len(raw), len(blocks), 0))
        begin = len(writer.data)
        zipped.append((name, frame(raw)))
        writer.add(name, frame(raw), 0o644)
        packed = bytes(writer.data[begin:])
        blocks.append(Block(len(raw), hashlib.sha256(packed).hexdigest()))
        layout.append(Layout(begin, len(packed)))

    add_small("heavy/__init__.py", MODULE.encode())
    pages = b"".join(content[run.page * PAGE : run.end * PAGE] for run in library.hot)
    add(f"{HOT}/0", [pages[place : place + BLOCK_SIZE] for place in range(0, len(pages), BLOCK_SIZE)])
    edges = [0, *range(region.pages.start * PAGE, region.pages.stop * PAGE, code_pages * PAGE)]
    edges += [*range(region.pages.stop * PAGE, len(content), BLOCK_SIZE), len(content)]
    entries.append(FileEntry("heavy/libcode.so", 0o755, len(content), len(blocks), 0))
    add("heavy/libcode.so", [content[a:b] for a, b in pairwise(edges)])
    add_small(f"{BYTECODE_NAME}/0.bin", bytes(bytecode))
    add_small("heavy/later.py", b"answer = 42\n")
    index = Index(Content(tuple(entries), tuple(blocks), 1, libraries=(library,), used=3), tuple(layout))
    final = _Writer()
    packed = frame(dump_index(index))
    origin = final.add(INDEX_NAME, packed, 0o644) + len(packed)
    for name, data in zipped:
        final.add(name, data, 0o644)
    return Packed(final.finish(), index, origin)
