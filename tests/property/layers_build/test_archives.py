"""Laws of archives: what the build packs, the loader unpacks, and zipfile reads the same."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from layers_build.pack import pack
from tests.support.loading import MemoryStore, load_from, tree

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
