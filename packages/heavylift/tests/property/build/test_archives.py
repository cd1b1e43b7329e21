"""Laws of archives: what the build packs, the loader unpacks, and zipfile reads the same."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.build.pack import pack
from tests.support.loading import MemoryStore, load_from, read_files, tree

NAMES = st.text("abcXYZ019_-. éλ", min_size=1, max_size=12).filter(lambda name: name.strip(".") != "")
FILES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=3000), max_size=12)


def without_conflicts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out files that lie in the way of another file's folder."""
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    return {name: content for name, content in files.items() if name not in folders}


@settings(max_examples=40, deadline=None)
@given(files=FILES.map(without_conflicts), big=st.integers(0, 9_000_000))
def test_what_is_packed_is_what_is_loaded(files: dict[str, bytes], big: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        source, loaded = Path(name) / "source", Path(name) / "loaded"
        source.mkdir()
        for path, content in {**files, "big.bin": b"0123456789abcdef" * (big // 16)}.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        packed = pack(source, Path(name) / "{digest}.zip", progress=lambda _done, _total: None, level=1)
        with zipfile.ZipFile(packed.path) as archive:
            assert archive.testzip() is None
        store = MemoryStore({"a.zip": packed.path.read_bytes()})
        load_from(store, loaded, digest=packed.digest)
        expected = tree(source)
        assert {
            path: content for path, content in tree(loaded).items() if not path.startswith(".heavylift")
        } == expected


@settings(max_examples=40, deadline=None)
@given(
    old=FILES.map(without_conflicts),
    new=FILES.map(without_conflicts),
    kept=st.sets(st.integers(0, 11)),
    large=st.tuples(st.integers(0, 9_000_000), st.integers(0, 9_000_000)),
    damage=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=3),
)
def test_what_is_taken_from_another_archive_changes_no_byte(
    old: dict[str, bytes],
    new: dict[str, bytes],
    kept: set[int],
    large: tuple[int, int],
    damage: list[tuple[float, int]],
) -> None:
    stays = {f"kept/{number}": content for number, content in enumerate(old.values()) if number in kept}
    with tempfile.TemporaryDirectory() as name:
        archives = []
        for number, files in enumerate((old, {**new, **stays})):
            folder = Path(name) / f"source{number}"
            for path, content in {**files, "big.bin": b"0123456789abcdef" * (large[number] // 16)}.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            target = Path(name) / f"alone{number}" / "{digest}.zip"
            archives.append(pack(folder, target, progress=lambda _done, _total: None, level=1).path)
        last, expected = archives
        damaged = bytearray(last.read_bytes())
        for place, change in damage:
            damaged[int(len(damaged) * place)] ^= change
        last.write_bytes(damaged)
        target = Path(name) / "again" / "{digest}.zip"
        again = pack(Path(name) / "source1", target, progress=lambda _done, _total: None, level=1, last=last)
        if not damage:
            assert again.path.read_bytes() == expected.read_bytes()
        with zipfile.ZipFile(again.path) as one, zipfile.ZipFile(expected) as two:
            # Its index differs in the size of damaged frames alone, if at all: some bits of a frame have no meaning.
            assert one.namelist() == two.namelist()
            assert read_files(one) == read_files(two)
        store = MemoryStore({"a.zip": again.path.read_bytes()})
        load_from(store, Path(name) / "loaded", digest=again.digest)
