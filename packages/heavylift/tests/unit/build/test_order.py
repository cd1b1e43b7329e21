"""The order of an archive's entries: what a start needs first comes first, and what nobody is told of before all."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy.random
import pytest

from heavylift.build.accesses import record_imports
from heavylift.build.errors import BuildError
from heavylift.build.order import arrange

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def extension(folder: Path) -> str:
    """Put an extension module of the standard library into the folder; return its name."""
    for name in ("_bisect", "_heapq", "_random"):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin and spec.origin.endswith(SUFFIX):
            (folder / f"{name}{SUFFIX}").write_bytes(Path(spec.origin).read_bytes())
            return name
    pytest.fail("this Python has no extension modules as files")


def test_what_was_needed_is_told_in_its_order(tmp_path: Path) -> None:
    name = extension(tmp_path)
    write(
        tmp_path,
        {
            "second/__init__.py": "",
            "first/__init__.py": f"import {name}\nfrom first import late\nimport ctypes\nctypes.CDLL(late.LIBRARY)\n",
            "first/late.py": "import pathlib\nfolder = pathlib.Path(__file__).parent\n"
            "assert (folder / 'data.txt').read_text() == 'data'\nLIBRARY = str(folder / 'linked.so')\n",
            "first/data.txt": "data",
            "first/linked.so": (tmp_path / f"{name}{SUFFIX}").read_bytes(),
            "unused.py": "",
        },
    )
    needed = record_imports(tmp_path, Path(sys.executable), ["first", "second"]).needed
    assert needed == [
        "first/__init__.py",
        f"{name}{SUFFIX}",
        "first/late.py",
        "first/data.txt",
        "first/linked.so",
        "second/__init__.py",
    ]


def test_a_folder_that_a_start_lists_counts_as_opened(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "p/__init__.py": "import pathlib\n[*(pathlib.Path(__file__).parent / 'kernels').glob('*.cu')]\nimport p.other",
            "p/kernels/a.cu": "",
            "p/other.py": "",
            "p/other.h": "",
        },
    )
    recording = record_imports(tmp_path, Path(sys.executable), ["p"])
    assert recording.opened(["p/kernels/a.cu", "p/other.h"]) == {"p/kernels/a.cu", "p/__init__.py", "p/other.py"}


def test_modules_that_cannot_be_imported_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"good.py": "", "bad.py": "import absent\n"})
    with pytest.raises(BuildError, match=r"cannot import bad: .*absent.*add the missing package"):
        record_imports(tmp_path, Path(sys.executable), ["good", "bad"])


def test_what_a_module_does_at_the_end_of_the_process_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"m.py": "import atexit, os\natexit.register(os._exit, 3)\n"})
    assert record_imports(tmp_path, Path(sys.executable), ["m"]).needed == ["m.py"]


def test_modules_in_a_folder_that_a_pth_file_names_are_found(tmp_path: Path) -> None:
    write(tmp_path, {"a.pth": "inner\n", "inner/deep.py": ""})
    assert record_imports(tmp_path, Path(sys.executable), ["deep"]).needed == ["a.pth", "inner/deep.py"]


def test_a_module_may_keep_a_function_that_asks_for_files_in_a_class_as_pathlib_did(tmp_path: Path) -> None:
    source = """
import os

class Accessor:
    stat, lstat, access = os.stat, os.lstat, os.access

for follow in (True, False):
    Accessor().stat(__file__, follow_symlinks=follow)
Accessor().lstat(path=__file__)
Accessor().access(__file__, os.R_OK)
assert os.stat in os.supports_follow_symlinks and os.stat in os.supports_fd and os.access in os.supports_effective_ids
"""
    write(tmp_path, {"m.py": source})
    assert record_imports(tmp_path, Path(sys.executable), ["m"]).needed == ["m.py"]


def test_libraries_that_a_library_brings_in_come_before_it_wherever_they_lie_in_memory(tmp_path: Path) -> None:
    folder, maps = tmp_path / "applib", tmp_path / "maps"
    maps.touch()
    linked = "".join(f"0-1 r-xp 0 0:0 0 {folder}/{name}.so\n" for name in ("liblower", "own", "libhigher"))
    module = f"""
import contextlib, ctypes, pathlib
with contextlib.suppress(OSError):  # it is no library
    ctypes.CDLL({str(folder / "own.so")!r})
pathlib.Path({str(maps)!r}).write_text({linked!r})  # as a linker might have mapped it, by address
"""
    write(folder, {"m.py": module, "own.so": "", "liblower.so": "", "libhigher.so": ""})
    python = tmp_path / "python"
    shadow = f"import builtins; open = lambda path: builtins.open(path.replace('/proc/self/maps', '{maps}'))"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -s -S -B -c "{shadow}\n$5" "$6" "$7"\n')
    python.chmod(0o755)
    found = [path for path in record_imports(folder, python, ["m"]).needed if path.endswith(".so")]
    assert found == ["libhigher.so", "liblower.so", "own.so"]  # by name: the kernel places them at random


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"bad.py": "import os\nos.abort()\n"})
    with pytest.raises(BuildError, match="cannot import bad: the process ended with -6"):
        record_imports(tmp_path, Path(sys.executable), ["bad"])


def numpy_extension(name: str) -> bytes:
    """Return a real extension module; its name is part of it."""
    (path,) = Path(numpy.random.__file__).parent.glob(f"{name}.*.so")
    return path.read_bytes()


def test_data_and_libraries_that_nobody_saw_come_before_all_code(tmp_path: Path) -> None:
    files = {
        "a/__init__.py": b"",
        "a/__pycache__/m.pyc": b"",
        "a/__pycache__/unused.pyc": b"",
        "a/data.json": b"{}",
        "a/used.json": b"{}",
        "a/liblinked.so.1": b"\x7fELF",
        "a/libplugin.so": b"\x7fELF",  # whoever links it will do so without telling Python
        "a/_pcg64.so": numpy_extension("_pcg64"),
        f"a/_philox{SUFFIX}": numpy_extension("_philox"),
        "a/source_read.py": b"",
        "a/__init__.pyi": b"",
        "a/tests/data.npz": b"",
        "a/tests/libplugin.so.2": b"\x7fELF",
        "a-1.dist-info/METADATA": b"",
        "a-1.dist-info/entry_points.txt": b"",
        "chunks/0": b"",
        "chunks/1": b"",
    }
    write(tmp_path, files)
    chunks = {"a/__pycache__/m.pyc": "chunks/0", "a/__pycache__/unused.pyc": "chunks/1"}
    needed = ["a/__pycache__/m.pyc", "a/liblinked.so.1", "a/_pcg64.so", "a/used.json", "a/source_read.py"]
    needed.append("a-1.dist-info/entry_points.txt")
    order = arrange(tmp_path, needed, chunks)
    assert list(order.paths) == [
        "a/data.json",
        "a/used.json",
        "a/libplugin.so",
        "a/tests/libplugin.so.2",
        "chunks/0",
        "a/liblinked.so.1",
        "a/_pcg64.so",
        "a/source_read.py",
        "a-1.dist-info/entry_points.txt",
        "chunks/1",
        f"a/_philox{SUFFIX}",
        "a-1.dist-info/METADATA",  # native code does not open it, nor what follows
        "a/__init__.py",
        "a/__init__.pyi",
        "a/tests/data.npz",
    ]
    assert order.eager == 4
    assert set(order.paths) == files.keys() - chunks.keys()


def test_a_library_does_not_wait_for_bytecode_that_the_start_needs_behind_it(tmp_path: Path) -> None:
    write(tmp_path, {"a/liblinked.so.1": b"\x7fELF", "chunks/0": b"", "chunks/1": b"", "chunks/2": b""})
    chunks = {f"a/__pycache__/{name}.pyc": f"chunks/{number}" for number, name in enumerate("mnu")}
    order = arrange(tmp_path, ["a/__pycache__/m.pyc", "a/liblinked.so.1", "a/__pycache__/n.pyc"], chunks)
    assert list(order.paths) == ["chunks/0", "a/liblinked.so.1", "chunks/1", "chunks/2"]
    assert order.eager == 0


def test_without_a_record_everything_is_eager(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": b"", "b.so": b"\x7fELF"})
    order = arrange(tmp_path, None, {})
    assert order.eager == len(order.paths) == 2
