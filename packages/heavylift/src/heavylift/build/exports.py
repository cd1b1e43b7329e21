"""Takes names of C++ that nobody binds out of large libraries.

A library of C++ exports each of its functions, unless it is told not to, under names of hundreds of characters. Of TensorFlow's
446,000 names, the other libraries of an applib bind 22,000; a start fetches and inflates all of them, and looks each one up, only
to find that the library means itself. What a linker does when it is given `-Bsymbolic` and a version script, is done here
afterwards: a name goes if no other library has it, and what the library bound by it becomes an address relative to its own.

Names of C stay, because programs look for such at run time (dlsym, ctypes). So do thread-local variables, indirect functions and
unique symbols, and what a process must have once beside the C++ library that the runtime brings: its variables, `operator new`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Set
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from heavylift.build.binaries import is_elf
from heavylift.build.symbols import (
    DAMAGED,
    FUNCTION,
    GLOBAL,
    OBJECT,
    RESERVED,
    UNDEFINED,
    WEAK,
    Tables,
    changing,
    read_names,
    size_of_names,
)

LEAST = 1024 * 1024  # bytes of names; fewer are not worth a copy of the library
# Itanium C++ ABI, "Mangling": operator new and delete; then virtual tables, type information, guards and static variables (`Z`)
# of the namespace std, with its abbreviations, and of those of GCC's library.
_ALLOCATION = re.compile(rb"_Z(?:n[wa]|d[la])")
_STANDARD = re.compile(rb"_Z(?:T[A-Za-z]|GV)?Z?N?[VKr]*(?:S[tabsiod]|9__gnu_cxx|10__cxxabiv1)")
_STAYING = {FUNCTION: _ALLOCATION, OBJECT: _STANDARD}
_LEAVING = frozenset(binding << 4 | kind for binding in (GLOBAL, WEAK) for kind in _STAYING)
_LOW4 = 15

Changes = Mapping[str, Mapping[int, bytes]]  # by the library's path in the applib: what is to be written, by its place


def find_changes(libraries: Mapping[str, Path], *, least: int = LEAST) -> Changes:
    """Return the changes that take the names that nobody binds out of the libraries of an applib.

    Args:
        libraries: all of them, and where each lies; what is none is passed over.
        least: bytes of names that make a library worth it.
    """
    files = {path: file for path, file in sorted(libraries.items()) if is_elf(file)}
    large = [path for path, file in files.items() if size_of_names(file) >= least]
    if not large:
        return {}
    with ExitStack() as stack:
        opened = {path: _open(stack.enter_context(files[path].open("rb"))) for path in large}
        tables = {path: each for path, each in opened.items() if each is not None}
        others = (read_names(file) for path, file in files.items() if path not in tables)
        shared = _find_shared([*(each.names for each in tables.values()), *others])
        return {path: changes for path, each in tables.items() if (changes := _find(each, shared))}


def find_tables(library: Path, *, least: int = LEAST) -> list[range]:
    """Return the stretches of a library that taking names out of it may change; see `find_changes`."""
    return changing(library) if size_of_names(library) >= least else []


def make_changes(libraries: Mapping[str, Path], changes: Changes, folder: Path) -> None:
    """Write changed copies of an applib's libraries to a folder.

    Args:
        libraries: where each lies, by its path in the applib.
        changes: of some of them.
        folder: of the copies, by the same paths.
    """
    for path, content in changes.items():
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(libraries[path], copy)
        shutil.copymode(libraries[path], copy)
        with copy.open("r+b") as target:
            for place, data in content.items():
                target.seek(place)
                target.write(data)


def _open(file: BinaryIO) -> Tables | None:
    """Return the tables of a library; None: it stays as it is."""
    try:
        return Tables(file)
    except DAMAGED:
        return None


def _find_shared(libraries: Iterable[Iterable[bytes]]) -> Set[bytes]:
    """Return the names that several libraries have, of those of each."""
    seen, shared = set[bytes](), set[bytes]()
    for names in map(frozenset, libraries):
        shared |= seen & names
        seen |= names
    return shared


def _find(tables: Tables, shared: Set[bytes]) -> Mapping[int, bytes]:
    try:
        bound = tables.bound()
        dropped = {
            number
            for number, (name, kind, section) in enumerate(
                zip(tables.names, tables.kinds, tables.sections, strict=True)
            )
            if kind in _LEAVING
            and UNDEFINED < section < RESERVED
            and name.startswith(b"_Z")
            and name not in shared
            and number not in bound
            and not _STAYING[kind & _LOW4].match(name)
        }
        return tables.without(dropped) if dropped else {}
    except DAMAGED:
        return {}  # it stays as it is
