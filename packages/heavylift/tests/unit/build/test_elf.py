"""Shared libraries: which of them Python alone links."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy.random
import pytest

from heavylift.build.elf import is_extension, read_dynamic

(EXTENSION,) = Path(numpy.random.__file__).parent.glob("_pcg64.*.so")


def test_an_extension_module_defines_the_entry_point_of_its_name(tmp_path: Path) -> None:
    assert is_extension(EXTENSION)
    assert is_extension(Path(shutil.copy(EXTENSION, tmp_path / "_pcg64.so")))
    assert not is_extension(Path(shutil.copy(EXTENSION, tmp_path / "libpcg64.so")))


def test_a_library_that_only_mentions_an_entry_point_is_none(tmp_path: Path) -> None:
    (tmp_path / "libother.so").write_bytes(EXTENSION.read_bytes() + b"PyInit_libother\0")
    assert not is_extension(tmp_path / "libother.so")


def test_a_library_that_only_needs_an_entry_point_is_none(tmp_path: Path) -> None:
    # libpython has it, say: what a library binds stands in its table of symbols, too
    used = b"PyErr_SetString"
    content = EXTENSION.read_bytes()
    assert used + b"\0" in content
    path = tmp_path / "module.so"
    path.write_bytes(content.replace(used + b"\0", b"PyInit_module".ljust(len(used), b"\0") + b"\0"))
    assert not is_extension(path)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF and no more", b"text"])
def test_a_file_that_only_looks_like_a_library_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.so").write_bytes(content)
    assert not is_extension(tmp_path / "a.so")
    assert list(read_dynamic(tmp_path / "a.so")) == []


def test_a_damaged_library_is_no_traceback(tmp_path: Path) -> None:
    whole = EXTENSION.read_bytes()
    damaged = tmp_path / "_pcg64.so"
    for position in [*range(0x10, 0x200, 16), *range(len(whole) - 64 * 30, len(whole), 64)]:
        damaged.write_bytes(whole[:position] + b"\xff" * 8 + whole[position + 8 :])
        is_extension(damaged)
        list(read_dynamic(damaged))
