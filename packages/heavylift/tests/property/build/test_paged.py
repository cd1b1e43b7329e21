"""Laws of archives with libraries by pages: whatever is code, and whichever of it is hot."""

from __future__ import annotations

import random
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.build.cuts import Paged
from heavylift.build.order import Order
from heavylift.build.pack import pack
from heavylift.contracts.archive import BLOCK_SIZE, INDEX_NAME, Index
from heavylift.contracts.index import parse_index
from heavylift.contracts.loading import Pieces, code_blocks, plan_load
from heavylift.contracts.pages import HOT, PAGE, Region, Run
from heavylift.runtime.inflate import inflate_members, inflate_stretch, verify
from tests.support.loading import MemoryStore, load_from, read_entry, read_files, tree


def quiet(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class Drawn:
    """A large file, by its size and what it is made of, with its code."""

    size: int
    seed: int
    paged: Paged

    @property
    def content(self) -> bytes:
        return (random.Random(self.seed).randbytes(64 * 1024) * (self.size // (64 * 1024) + 1))[: self.size]


@st.composite
def libraries(draw: st.DrawFn) -> Drawn:
    """A large file, the regions of its code, and their hot pages."""
    size = draw(st.integers(BLOCK_SIZE + 1, 2 * BLOCK_SIZE))
    edges = sorted(draw(st.sets(st.integers(PAGE, size), min_size=2, max_size=6)))
    regions = [
        Region(start, stop - start, draw(st.sampled_from([1, 5])), 0)
        for start, stop in zip(edges[::2], edges[1::2], strict=False)
    ]
    regions = [Region(r.offset, r.size, r.flags, 64 + 56 * n) for n, r in enumerate(regions) if r.pages]
    if not regions:
        regions = [Region(PAGE, size - PAGE, 5, 64)]
    hot: list[Run] = []
    for region in regions:
        page = region.pages.start
        for gap, count in draw(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 400)), max_size=6)):
            page += gap
            if page < region.pages.stop:
                hot.append(Run(page, min(count, region.pages.stop - page)))
            page += count
    return Drawn(size, draw(st.integers(0, 9)), Paged(tuple(regions), tuple(hot)))


@settings(max_examples=25, deadline=None)  # megabytes are packed
@given(first=libraries(), second=libraries(), small=st.binary(max_size=200), used=st.integers(1, 3))
def test_files_are_whole_however_they_are_loaded(first: Drawn, second: Drawn, small: bytes, used: int) -> None:
    files = {"a.py": small, "one.so": first.content, "lib/two.so": second.content}
    paged = {"one.so": first.paged, "lib/two.so": second.paged}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "tree")
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        order = Order(list(files), 1, used)
        made = pack(folder, Path(name, "{digest}.zip"), progress=quiet, level=1, order=order, libraries=paged)
        data = made.path.read_bytes()
        with zipfile.ZipFile(made.path) as archive:
            assert archive.testzip() is None
            found = read_files(archive)
            index = parse_index(read_entry(archive, INDEX_NAME))
        again = pack(
            folder, Path(name, "{digest}.zip"), progress=quiet, level=1, order=order, libraries=paged, last=made.path
        )
        assert again.path.read_bytes() == data
        assert again.anew == 0
        store = MemoryStore({"a.zip": data})
        assert load_from(store, Path(name, "target"), digest=made.digest)
        assert {path: content for path, content in tree(Path(name, "target")).items() if content is not None} == files
    hot = {path: found.pop(path) for path in list(found) if path.startswith(HOT)}
    assert found == files
    assert sum(map(len, hot.values())) == sum(PAGE * run.count for each in paged.values() for run in each.hot)
    _check_by_pages(index, data, files)


def _check_by_pages(index: Index, data: bytes, files: dict[str, bytes]) -> None:
    """Load by pages: at first all is there but the cold pages, and in the end they are there too."""
    content, plan, parts = index.content, plan_load(index.content, index.content.libraries), Pieces(index.content)
    origin = len(data) - _behind_the_index(index, data)
    made = [bytearray(entry.size) for entry in content.files]
    codes = {each.block for each in code_blocks(content, content.libraries)}
    later = [block for block in plan.blocks if block in codes]
    assert list(plan.blocks[len(plan.blocks) - len(later) :]) == later

    def write(block: int) -> None:
        place, described = index.layout[block], content.blocks[block]
        packed = data[origin + place.offset : origin + place.offset + place.packed]
        verify(packed, described, "here")
        large = content.files[parts[block][0].file].size > BLOCK_SIZE
        sizes = [piece.size for piece in parts[block]]
        raw = (
            inflate_stretch(packed, described.raw, "here")
            if large
            else b"".join(inflate_members(packed, sizes, "here"))
        )
        for piece in parts[block]:
            part = raw[piece.start : piece.start + piece.size]
            made[piece.file][piece.position : piece.position + piece.size] = part

    for block in plan.blocks[: len(plan.blocks) - len(later)]:
        write(block)
    for number, entry in enumerate(content.files):
        cold = [run for each in content.libraries if each.file == number for run in each.cold()]
        expected = bytearray(files[entry.path])
        for run in cold:
            expected[PAGE * run.page : PAGE * run.end] = bytes(PAGE * run.count)
        assert made[number] == expected
    for block in later:
        write(block)
    assert {entry.path: bytes(raw) for entry, raw in zip(content.files, made, strict=True)} == files


def _behind_the_index(index: Index, data: bytes) -> int:
    """Return the bytes of an archive behind its index entry."""
    name, extra = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
    assert index.layout
    return len(data) - (30 + name + extra + int.from_bytes(data[18:22], "little"))
