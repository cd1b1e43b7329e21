"""A library whose code and data share a segment, as many wheels are linked: it is another file then, and the same library."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from heavylift.build.elf import find_mixed_code, read_code
from heavylift.build.segments import LEAST, split_segments
from heavylift.contracts.pages import PAGE

SOURCE = r"""
#include <stdexcept>
#include <string>
__asm__(".text\n.rept 1500000\nnop\n.endr\n");
static const char *const WORDS[] = {"read", "only"};
extern "C" const char *word(int number) {
    try {
        if (number > 1)
            throw std::out_of_range("there are two");
        return WORDS[number];
    } catch (const std::out_of_range &error) {
        static const std::string said = error.what();
        return said.c_str();
    }
}
"""
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler of C++")


def compile_library(folder: Path, *options: str) -> Path:
    library = folder / "libwords.so"
    (folder / "words.cpp").write_text(SOURCE)
    command = ["g++", "-shared", "-fPIC", *options, "-o", str(library), str(folder / "words.cpp")]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return compile_library(tmp_path, "-Wl,-z,noseparate-code")


def words(library: Path) -> list[bytes]:
    """Return what a library says, an exception of C++ among it."""
    loaded = ctypes.CDLL(str(library))
    loaded.word.restype = ctypes.c_char_p
    return [loaded.word(number) for number in range(3)]


def test_code_that_shares_a_segment_with_data_gets_one_of_its_own(mixed: Path, tmp_path: Path) -> None:
    before = mixed.read_bytes()
    (stretch,) = find_mixed_code(mixed)
    assert read_code(mixed) == ()
    assert split_segments(mixed)
    (region,) = read_code(mixed)
    assert range(region.offset, region.offset + region.size) == stretch
    assert len(stretch) >= LEAST
    assert find_mixed_code(mixed) == []
    assert not split_segments(mixed)  # there is nothing left to do
    # Nothing moved: all but the place and the number of the program headers is as it was, and the new ones stand behind it.
    after = mixed.read_bytes()
    changed = [number for number, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    assert set(changed) <= {*range(32, 40), 56, 57}
    assert len(after) < len(before) + 2 * PAGE


def test_a_library_that_carries_something_behind_its_own_end_is_not_split(mixed: Path) -> None:
    with mixed.open("ab") as file:
        file.write(b"PK: an archive that its code reads from the end")
    before = mixed.read_bytes()
    assert not split_segments(mixed)
    assert mixed.read_bytes() == before


def test_a_split_library_is_loaded_and_unwound_as_before(mixed: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copy(mixed, tmp_path / "whole.so"))
    assert split_segments(mixed)
    assert words(mixed) == words(whole) == [b"read", b"only", b"there are two"]


def test_the_file_that_was_split_is_replaced_and_not_written_into(mixed: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.so"
    shared.hardlink_to(mixed)  # as an installer's cache shares it
    before = shared.read_bytes()
    mode = mixed.stat().st_mode
    assert split_segments(mixed)
    assert shared.read_bytes() == before
    assert mixed.stat().st_mode == mode


def test_a_library_whose_code_stands_apart_stays_as_it_is(tmp_path: Path) -> None:
    library = compile_library(tmp_path, "-Wl,-z,separate-code")
    assert len(read_code(library)) == 1
    assert not split_segments(library)
