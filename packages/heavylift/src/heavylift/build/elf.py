"""Reads shared libraries and programs: their names, the libraries that they need, the symbols that they define."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.hash import ELFHashSection, GNUHashSection

from heavylift.build.binaries import is_elf

_DAMAGED = (ELFError, OSError, ValueError, AssertionError, KeyError)  # elftools checks little of what it reads


def read_dynamic(library: Path) -> Iterator[tuple[str, str]]:
    """Yield the names that a file needs (DT_NEEDED), and the one that it has itself (DT_SONAME); none of a damaged file."""
    try:
        with library.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_DYNAMIC"):
                for tag in segment.iter_tags():
                    if tag.entry.d_tag in ("DT_NEEDED", "DT_SONAME"):
                        yield tag.entry.d_tag, tag.needed if tag.entry.d_tag == "DT_NEEDED" else tag.soname
    except _DAMAGED:
        return  # nothing can load it, either


def is_extension(path: Path) -> bool:
    """Return whether a file is an extension module: one that defines its entry point.

    Source: docs.python.org/3/c-api/module.html, "PyInit_".
    """
    if not is_elf(path):
        return False
    entry_point = f"PyInit_{path.name.partition('.')[0]}"
    try:
        with path.open("rb") as file:
            tables = (
                each for each in ELFFile(file).iter_sections() if isinstance(each, (GNUHashSection, ELFHashSection))
            )
            return any(table.get_symbol(entry_point) is not None for table in tables)
    except _DAMAGED:
        return False
