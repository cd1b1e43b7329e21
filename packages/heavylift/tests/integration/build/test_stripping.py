"""A library without its symbols is what GNU Binutils make of it, wherever this can be done without them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from heavylift.build.binaries import strip, strip_version
from heavylift.build.headers import read_headers
from heavylift.build.stripping import strip_symbols

SOURCE = r"""
#include <stdio.h>
static int count;
static __thread int own = 41;
static int hidden(int number) { return number + ++count; }
__attribute__((constructor)) static void begin(void) { count = -1; }
int answer(void) { own += 1; printf("%s", ""); return hidden(own); }
"""
LINKERS = {"bfd": "ld.bfd", "lld": "ld.lld"}
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None or not strip_version(), reason="needs gcc and strip")


def compile_library(folder: Path, *options: str) -> Path:
    library = folder / "libanswer.so"
    (folder / "answer.c").write_text(SOURCE)
    command = ["gcc", "-shared", "-fPIC", "-g", *options, "-o", str(library), str(folder / "answer.c")]
    subprocess.run(command, check=True)
    return library


def stripped_by_tool(library: Path) -> bytes:
    target = library.with_name("by-tool.so")
    subprocess.run(["strip", "--strip-unneeded", "-o", str(target), str(library)], check=True)
    return target.read_bytes()


def strip_all(folder: Path) -> None:
    """Strip the libraries of a folder, one after the other."""
    strip(folder, (), _Serial())  # type: ignore[arg-type]  # all that it uses of an executor


def section_names(library: Path) -> list[bytes]:
    with library.open("rb") as file:
        return [*read_headers(file).section_names(file).values()]


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("option", ["-Wl,-z,separate-code", "-Wl,-z,noseparate-code", "-Wl,--build-id=none"])
def test_a_library_is_stripped_as_the_tool_does_it(tmp_path: Path, linker: str, option: str) -> None:
    if shutil.which(LINKERS[linker]) is None:
        pytest.skip(f"needs {LINKERS[linker]}")
    library, target = compile_library(tmp_path, f"-fuse-ld={linker}", option), tmp_path / "stripped.so"
    assert {b".symtab", b".debug_info"} < {*section_names(library)}
    assert strip_symbols(library, target)
    left = section_names(target)
    assert b".dynsym" in left
    assert not [name for name in left if name in {b".symtab", b".strtab"} or name.startswith(b".debug_")]
    if strip_version().endswith(" 2.40"):  # other versions may lay the end of a file out in another way
        assert target.read_bytes() == stripped_by_tool(library)
    assert ctypes.CDLL(str(target)).answer() == 42


def test_a_library_without_symbols_stays_as_it_is(tmp_path: Path) -> None:
    library = compile_library(tmp_path, "-s")
    before = library.read_bytes()
    strip_all(tmp_path)
    assert library.read_bytes() == before


def test_a_library_that_carries_something_behind_its_own_end_stays_as_it_is(tmp_path: Path) -> None:
    library = compile_library(tmp_path)
    with library.open("ab") as file:
        file.write(bytes(100) + b"PK: an archive that its code reads" + bytes(100))
    before = library.read_bytes()
    strip_all(tmp_path)
    assert library.read_bytes() == before


def test_zeros_behind_a_librarys_end_are_nothing(tmp_path: Path) -> None:
    library = compile_library(tmp_path)
    with library.open("ab") as file:
        file.write(bytes(5000))
    strip_all(tmp_path)
    assert b".symtab" not in section_names(library)
    assert ctypes.CDLL(str(library)).answer() == 42


def test_a_library_that_was_patched_is_left_to_the_tool(tmp_path: Path) -> None:
    library, target = compile_library(tmp_path), tmp_path / "stripped.so"
    # patchelf moves what it makes larger behind all else: a section that is mapped lies behind the symbols then
    with library.open("r+b") as file:
        (place,) = (place for place, name in read_headers(file).section_names(file).items() if name == b".shstrtab")
        file.seek(place + 8)
        file.write((2).to_bytes(8, "little"))  # its flags: SHF_ALLOC
    assert not strip_symbols(library, target)
    assert not target.exists()


def test_a_damaged_library_is_no_traceback(tmp_path: Path) -> None:
    library, target = compile_library(tmp_path), tmp_path / "stripped.so"
    whole = library.read_bytes()
    for position in [*range(0, 0x400, 8), *range(len(whole) - 64 * 40, len(whole), 8)]:
        library.write_bytes(whole[:position] + b"\xff" * 8 + whole[position + 8 :])
        strip_symbols(library, target)
    for size in range(0, len(whole), 997):
        library.write_bytes(whole[:size])
        strip_symbols(library, target)


class _Serial:
    """Runs work where it is called."""

    map = map
