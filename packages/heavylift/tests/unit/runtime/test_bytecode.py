"""Importing from an applib's chunks of bytecode: as Python does from .pyc files, and everything else as without it."""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from heavylift.contracts.archive import BYTECODE_NAME
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.runtime.bytecode import CHUNK, TABLE_NAME, Bytecode, dump_bytecode, install

SOURCES = {
    "packed/__init__.py": "where = 'source'\n",
    "packed/fails.py": "def fail():\n    raise ValueError('wanted')\n",
    "packed/data.txt": "data",
    "packed/inner/module.py": "where = 'source'\n",  # in a namespace package
    "single.py": "where = 'source'\n",
}
UNCHECKED = (1).to_bytes(4, "little")  # flags of a .pyc that is valid whatever its source is (PEP 552)


def compiled(sources: Mapping[str, str], *, magic: bytes = importlib.util.MAGIC_NUMBER) -> dict[str, bytes]:
    """Compile sources in which the word `source` is `bytecode`, so that it shows which of the two was run."""
    found = {}
    for path, text in sources.items():
        if path.endswith(".py"):
            code = importlib._bootstrap_external._code_to_hash_pyc(  # type: ignore[attr-defined]
                compile(text.replace("'source'", "'bytecode'"), path, "exec"), bytes(8), checked=False
            )
            assert code[4:8] == UNCHECKED
            found[importlib.util.cache_from_source(path)] = magic + code[4:]
    return found


def put(folder: Path, files: Mapping[str, bytes], order: Sequence[str] = ()) -> None:
    """Write the bytecode into a folder."""
    for name, content in dump_bytecode(files, order)[0].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def applib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sources on `sys.path`; what a test does to the import system is undone."""
    folder = tmp_path / "applib"
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(sys, "path_hooks", list(sys.path_hooks))
    monkeypatch.setattr(sys, "path_importer_cache", dict(sys.path_importer_cache))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def installed(applib: Path) -> Path:
    put(applib, compiled(SOURCES))
    install(applib)
    return applib


def test_what_was_put_in_is_found_by_its_path(tmp_path: Path) -> None:
    files = {"a/__pycache__/b.pyc": b"first", "c.pyc": b"", "d.pyc": b"last"}
    put(tmp_path, files)
    bytecode = Bytecode(tmp_path)
    assert {path: bytecode.find(f"{tmp_path}/{path}") for path in files} == files
    assert [bytecode.find(path) for path in (f"{tmp_path}/none.pyc", "d.pyc", f"{tmp_path}d.pyc")] == [None] * 3


def test_the_order_in_which_files_are_named_does_not_matter() -> None:
    files = {"b": b"2", "a": b"1"}
    assert dump_bytecode(files, []) == dump_bytecode(dict(sorted(files.items())), [])


def test_what_a_start_imports_comes_first_in_its_order_and_in_chunks_of_its_own(tmp_path: Path) -> None:
    files = {f"{name}.pyc": name.encode() * CHUNK for name in "abc"} | {"d.pyc": b"d", "e.pyc": b"e"}
    order = ["e.pyc", "b.pyc", "a.pyc", "gone.pyc"]
    made, chunk_of = dump_bytecode(files, order)
    chunks = [Path(chunk_of[path]).name for path in ("e.pyc", "b.pyc", "a.pyc", "c.pyc", "d.pyc")]
    assert chunks == ["0.bin", "0.bin", "1.bin", "2.bin", "3.bin"]
    assert set(made) == {TABLE_NAME, *chunk_of.values()}
    put(tmp_path, files, order)
    bytecode = Bytecode(tmp_path)
    assert {path: bytecode.find(f"{tmp_path}/{path}") for path in files} == files


@pytest.mark.parametrize("name", ["packed", "packed.inner.module", "single"])
def test_modules_run_from_the_bytecode(installed: Path, name: str) -> None:
    module = importlib.import_module(name)
    assert module.where == "bytecode"
    assert not list(installed.rglob("*.pyc"))


def test_a_folder_that_was_looked_at_before_is_looked_at_anew(applib: Path) -> None:
    assert importlib.util.find_spec("single") is not None
    put(applib, compiled(SOURCES))
    install(applib)
    assert importlib.import_module("single").where == "bytecode"


def test_sources_stay_within_reach(installed: Path) -> None:
    fails = importlib.import_module("packed.fails")
    assert fails.__file__ == str(installed / "packed/fails.py")
    assert inspect.getsource(fails.fail) == SOURCES["packed/fails.py"]
    with pytest.raises(ValueError, match="wanted") as caught:
        fails.fail()
    assert str(caught.traceback[-1].path) == str(installed / "packed/fails.py")


def test_data_and_listings_are_those_of_the_folder(installed: Path) -> None:
    packed = importlib.import_module("packed")
    assert importlib.resources.files("packed").joinpath("data.txt").read_text() == "data"
    assert pkgutil.get_data("packed", "data.txt") == b"data"
    assert [module.name for module in pkgutil.iter_modules(packed.__path__)] == ["fails"]


def test_bytecode_of_another_python_is_passed_over(applib: Path) -> None:
    put(applib, compiled(SOURCES, magic=b"\0\0\r\n"))
    install(applib)
    assert importlib.import_module("single").where == "source"


def test_a_module_without_bytecode_runs_from_its_source(installed: Path) -> None:
    (installed / "late.py").write_text("where = 'source'\n")
    assert importlib.import_module("late").where == "source"


def everything(path: str) -> bool:
    return bool(path)


def test_a_module_that_was_read_ahead_runs_from_what_was_read_once(applib: Path) -> None:
    put(applib, compiled(SOURCES))
    bytecode = install(applib)
    assert bytecode
    read = list(bytecode.read_ahead(everything))
    assert sorted(read) == sorted(str(applib / path) for path in SOURCES if path.endswith(".py"))
    (chunk,) = applib.glob(f"{BYTECODE_NAME}/*.bin")
    chunk.write_bytes(bytes(chunk.stat().st_size))  # no bytecode of any Python
    module = importlib.import_module("single")
    assert module.where == "bytecode"
    assert importlib.reload(module).where == "source"
    bytecode.forget()
    assert importlib.import_module("packed").where == "source"


def test_only_what_is_there_and_not_yet_imported_is_read_ahead_in_the_order_of_the_start(applib: Path) -> None:
    files = compiled(SOURCES)
    single, module, package = (
        importlib.util.cache_from_source(path) for path in ("single.py", "packed/inner/module.py", "packed/__init__.py")
    )
    _, chunks = dump_bytecode(files, [single, module, package])
    put(applib, files, [single, module, package])
    bytecode = install(applib)
    assert bytecode
    importlib.import_module("packed")
    read = list(bytecode.read_ahead(lambda path: path == chunks[single]))
    assert read == [str(applib / "single.py"), str(applib / "packed/inner/module.py")]


def test_bytecode_that_python_would_not_take_is_not_read_ahead(applib: Path) -> None:
    put(applib, compiled(SOURCES, magic=b"\0\0\r\n"))
    bytecode = install(applib)
    assert bytecode
    assert list(bytecode.read_ahead(everything)) == []


def test_other_folders_are_left_to_python(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(f"{installed}-too")  # its name begins with the applib's
    beside.mkdir()
    (beside / "elsewhere.py").write_text("where = 'source'\n")
    monkeypatch.syspath_prepend(str(beside))
    assert type(importlib.import_module("elsewhere").__loader__).__module__ == "_frozen_importlib_external"


def test_without_the_file_nothing_changes(applib: Path) -> None:
    hooks = list(sys.path_hooks)
    install(applib)
    assert sys.path_hooks == hooks
    assert importlib.import_module("single").where == "source"


def test_a_table_of_an_archive_of_before_is_read(tmp_path: Path) -> None:
    """Archives of before say how many chunks a start needs."""
    put(tmp_path, {"a.pyc": b"code"})
    table = json.loads((tmp_path / TABLE_NAME).read_text())
    (tmp_path / TABLE_NAME).write_text(json.dumps({"first": 1, **table}))
    assert Bytecode(tmp_path).find(f"{tmp_path}/a.pyc") == b"code"


def test_a_cut_chunk_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    files = {"a.pyc": b"first", "b.pyc": b"second"}
    for length in range(len(b"firstsecond")):
        made, chunk_of = dump_bytecode(files, [])
        put(tmp_path, files)
        (tmp_path / chunk_of["b.pyc"]).write_bytes(made[chunk_of["b.pyc"]][:length])
        with pytest.raises(InvalidArchiveError, match="build and upload the archive again"):
            Bytecode(tmp_path).find(f"{tmp_path}/b.pyc")


def record(places: str) -> bytes:
    return f'{{"modules": {places}}}'.encode()


@pytest.mark.parametrize(
    "table",
    [
        *(b"", b"{", b"[]", b"{}", b"[" * 100_000, b"\xff"),
        *(record("[]"), record('{"a": 1}'), record('{"a": [0, 0]}'), record('{"a": [0, -1, 1]}')),
    ],
)
def test_a_table_that_lies_is_refused(tmp_path: Path, table: bytes) -> None:
    put(tmp_path, {})
    (tmp_path / TABLE_NAME).write_bytes(table)
    with pytest.raises(InvalidArchiveError, match="build and upload the archive again"):
        Bytecode(tmp_path)
