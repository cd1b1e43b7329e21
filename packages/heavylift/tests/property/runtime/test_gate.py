"""Laws of imports that run while their files arrive: in whatever order these come, no code ever sees a part of one."""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.contracts.archive import Link
from heavylift.contracts.failures import DigestMismatchError
from heavylift.runtime import blocks, load
from heavylift.runtime.gate import StartStopped, gated
from tests.support.background import ScriptedStore, loading
from tests.support.loading import MemoryStore, pack

MODULES = 6
NAMES = [f"coldmodule{number}" for number in range(MODULES)]


def sources(imports: dict[int, list[int]]) -> dict[str, bytes]:
    """Return modules that import one another, each with data of its own that it reads in three ways."""
    files = {}
    for number, name in enumerate(NAMES):
        lines = [f"import {NAMES[other]}" for other in imports.get(number, [])]
        lines += [
            "import json, os, pathlib",
            "folder = pathlib.Path(__file__).parent",
            f"assert json.loads((folder / '{name}.json').read_text()) == {number}",
            f"assert pathlib.Path(str(folder) + '/x/../{name}.json').read_bytes() == b'{number}'",
            f"assert os.path.getsize(folder / '{name}.json') == 1 and '{name}.json' in os.listdir(folder)",
            f"assert (folder / 'link-{number}').read_text() == '{number}'",
            f"value = {number}",
        ]
        files[f"{name}.py"] = "\n".join(lines).encode()
        files[f"{name}.json"] = str(number).encode()
    return files | {"x/empty": b""}


@contextmanager
def imported_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = written
        for name in NAMES:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()


@pytest.fixture(scope="module", autouse=True)
def one_request_for_each_block() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "RANGE", 1)
        patch.setattr(blocks, "CONNECTIONS", 64)
        patch.setattr(load, "HEAD", 64)
        yield


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_imports_see_whole_files_in_every_order_of_arrival(data: st.DataObject) -> None:
    imports = {
        number: data.draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) for number in range(1, MODULES)
    }
    files = sources(imports)
    order = data.draw(st.permutations(sorted(files)))
    packed = pack(
        {path: files[path] for path in order},
        links=tuple(Link(f"link-{number}", f"{name}.json") for number, name in enumerate(NAMES)),
        group=data.draw(st.sampled_from([1, 400, 1500])),
        eager=data.draw(st.integers(0, len(files))),
    )
    store = ScriptedStore(packed, data.draw(st.permutations(range(len(packed.index.layout)))))
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        unpack = blocks._BlockLoader._unpack_block

        def unpack_and_tell(self: blocks._BlockLoader, number: int, content: bytes) -> None:
            unpack(self, number, content)
            store.written()

        patch.setattr(blocks._BlockLoader, "_unpack_block", unpack_and_tell)
        target = Path(name) / "applib"
        with loading(store, packed, target) as background:
            background.wait_for_names("applib")
            with imported_from(target), gated(background, str(target)):
                found = [importlib.import_module(each).value for each in reversed(NAMES)]
            background.wait_for_all()
    assert found == list(reversed(range(MODULES)))


SECOND = b"value = 1\n" * 50
CAREFUL = pack(
    {
        f"{NAMES[0]}.py": f"try:\n    import {NAMES[1]}\nexcept Exception:\n    pass\n".encode(),
        f"{NAMES[1]}.py": SECOND,
    },
    group=1,
)


@settings(deadline=None, max_examples=30)
@given(from_end=st.integers(1, 12), flip=st.integers(1, 255))
def test_damage_ends_the_start_whatever_an_import_made_of_it(from_end: int, flip: int) -> None:
    damaged, second = bytearray(CAREFUL.data), CAREFUL.index.layout[1]
    end = CAREFUL.origin + second.offset + second.packed
    damaged[end - from_end] ^= flip
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "applib"
        with loading(MemoryStore({"a.zip": bytes(damaged)}), CAREFUL, target) as background:
            # The load fails before the first import, or in the middle, or takes the files away between two looks at them.
            with contextlib.suppress(DigestMismatchError, StartStopped, ImportError, OSError):
                background.wait_for_names("applib")
                with imported_from(target), gated(background, str(target)):
                    importlib.import_module(NAMES[0])
                    assert NAMES[1] not in sys.modules
            with pytest.raises(DigestMismatchError, match="block 1"):
                background.wait_for_all()
        assert not target.exists()
