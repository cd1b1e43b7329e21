"""The variants' edits, against the loader's real sources: a renamed constant fails here, not in a measurement."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from subprocess import run

import pytest

from bench.archives import ordinary_archive, plain_archive
from bench.packages import add_archive, peer_code, replace_source
from bench.variants import LOADER, VARIANTS, empty_function, replace_line, set_constant
from heavylift.build.cuts import Paged
from heavylift.build.order import Order
from heavylift.build.pack import pack
from heavylift.build.sources import BuildFiles, code_files
from heavylift.contracts.archive import BLOCK_SIZE, SUFFIX, Content
from heavylift.contracts.manifest import Archive
from heavylift.contracts.pages import PAGE, Region, Run
from heavylift.errors import HeavyliftError
from heavylift.measure.archives import read_file, read_index
from tests.support.paths import ROOT


@pytest.fixture
def code(tmp_path: Path) -> Path:
    target = tmp_path / "package"
    for name, path in code_files(ROOT / "function", BuildFiles()).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
    return target


def _contents(code: Path) -> dict[str, bytes]:
    return {path.relative_to(code).as_posix(): path.read_bytes() for path in code.rglob("*.py")}


@pytest.mark.parametrize(
    ("name", "changed", "line"),
    [
        ("overlap", LOADER, "if mode:"),
        ("priority", "heavylift/runtime/worker.py", "NICENESS = 0"),
        ("gc", LOADER, "pass"),
        ("connections", "heavylift/runtime/blocks.py", "CONNECTIONS = 1"),
        ("bytecode", "heavylift/runtime/bytecode.py", "return"),
    ],
)
def test_an_edit_changes_one_file_and_it_still_compiles(code: Path, name: str, changed: str, line: str) -> None:
    before = _contents(code)
    edit = VARIANTS[name].edit
    assert edit is not None
    edit(code)
    after = _contents(code)
    assert [path for path in after if after[path] != before[path]] == [changed]
    assert line in [each.split("#")[0].strip() for each in after[changed].decode().splitlines()]
    compile(after[changed], changed, "exec")


def test_without_bytecode_nothing_is_installed(code: Path, tmp_path: Path) -> None:
    edit = VARIANTS["bytecode"].edit
    assert edit is not None
    edit(code)
    (tmp_path / "heavylift.bytecode").mkdir()
    (tmp_path / "heavylift.bytecode/table.json").write_bytes(b"damaged")
    program = "import sys; from pathlib import Path; from heavylift.runtime.bytecode import install; install(Path(sys.argv[1]))"
    done = run([sys.executable, "-c", program, str(tmp_path)], cwd=code, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_edit_that_finds_nothing_or_too_much_fails(code: Path) -> None:
    with pytest.raises(HeavyliftError, match="has it 0 times"):
        replace_line(code, LOADER, r"^NO_SUCH_NAME = 1$", "")
    with pytest.raises(HeavyliftError, match=r"has it \d\d times"):
        replace_line(code, LOADER, r"^import|^from", "")
    with pytest.raises(HeavyliftError, match="has it 0 times"):
        replace_line(code, "no_such.py", r"^import", "")
    with pytest.raises(HeavyliftError, match="should set NO_SUCH_NAME to a number other than 1"):
        set_constant(code, "heavylift/runtime/load.py", "NO_SUCH_NAME", 1)
    with pytest.raises(HeavyliftError, match="should set HEAD to a number"):
        set_constant(code, "heavylift/runtime/load.py", "HEAD", 1)
    with pytest.raises(HeavyliftError, match="should define no_such"):
        empty_function(code, "heavylift/runtime/bytecode.py", "no_such")
    with pytest.raises(HeavyliftError, match="should define dump_bytecode"):
        empty_function(code, "heavylift/runtime/bytecode.py", "dump_bytecode")


def test_stale_bytecode_of_an_edited_module_goes(code: Path) -> None:
    cache = code / "heavylift/runtime" / "__pycache__"
    cache.mkdir()
    for name in ("load.cpython-311.pyc", "loader.cpython-311.pyc"):
        (cache / name).touch()
    replace_source(code / "heavylift/runtime" / "load.py", "")
    assert [path.name for path in cache.iterdir()] == ["loader.cpython-311.pyc"]


def test_the_peers_package_holds_their_loader_and_an_archive(code: Path, tmp_path: Path) -> None:
    archive = tmp_path / "plain.zip"
    archive.write_bytes(b"content")
    package = peer_code(code, tmp_path)
    stored = add_archive(package, ordinary_archive(archive, ""), tmp_path / "package.zip")
    with zipfile.ZipFile(stored) as found:
        assert found.read("applib.zip") == b"content"
        assert b"BenchWay" in found.read("loader.py")
        assert "heavylift/runtime/load.py" in found.namelist()


def test_an_ordinary_zip_holds_our_files_as_they_are_and_bytecode_where_it_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "applib"
    (folder / "heavylift.bytecode").mkdir(parents=True)
    (folder / "heavylift.bytecode" / "0.bin").write_bytes(b"code")
    (folder / "module.py").write_bytes(b"text")
    packed = pack(folder, tmp_path / "{digest}.zip", progress=lambda _done, _total: None)
    ours = ordinary_archive(packed.path, f"applib/{packed.digest}.zip")
    change = VARIANTS["format"].pack
    assert change is not None
    files = {"module.py": b"text", "heavylift.bytecode/0.bin": b"code"}
    assert _zipped(change(ours, tmp_path)) == files
    del files["heavylift.bytecode/0.bin"]
    assert _zipped(plain_archive(ours, tmp_path)) == files


def test_code_in_larger_blocks_is_the_same_code(tmp_path: Path) -> None:
    size = BLOCK_SIZE + 2 * PAGE
    folder, region = tmp_path / "applib", Region(PAGE, size - PAGE, 5, 64)
    folder.mkdir()
    (folder / "native.so").write_bytes(bytes(size))
    (folder / "module.py").write_bytes(b"text")
    packed = pack(
        folder,
        tmp_path / "{digest}.zip",
        progress=lambda _done, _total: None,
        order=Order(["native.so", "module.py"], 1, 2),
        libraries={"native.so": Paged((region,), (Run(2, 3),))},
    )
    change = VARIANTS["blocks"].pack
    assert change is not None
    coarse = change(ordinary_archive(packed.path, f"applib/{packed.digest}.zip"), tmp_path)
    before, after = _content(packed.path), _content(coarse.path)
    assert [block.raw for block in after.blocks] == [3 * PAGE, PAGE, BLOCK_SIZE, PAGE, 4]
    assert len(before.blocks) == len(after.blocks) + 1
    assert (after.libraries, after.eager, after.used) == (before.libraries, 1, 2)
    with zipfile.ZipFile(coarse.path) as found:
        assert read_file(found, found.getinfo(f"native.so{SUFFIX}")) == bytes(size)


def _content(path: Path) -> Content:
    with zipfile.ZipFile(path) as archive:
        return read_index(archive)[0].content


def _zipped(archive: Archive) -> dict[str, bytes]:
    with zipfile.ZipFile(archive.path) as found:
        return {name: found.read(name) for name in found.namelist()}
