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
from pathlib import Path

from heavylift.build.binaries import is_elf
from heavylift.build.symbols import (
    DAMAGED,
    FUNCTION,
    GLOBAL,
    OBJECT,
    RESERVED,
    UNDEFINED,
    WEAK,
    Symbol,
    Tables,
    read_names,
    size_of_names,
)

LEAST = 1024 * 1024  # bytes of names; fewer are not worth a copy of the library
# Itanium C++ ABI, "Mangling": operator new and delete; then virtual tables, type information, guards and static variables (`Z`)
# of the namespace std, with its abbreviations, and of those of GCC's library.
_ALLOCATION = re.compile(rb"_Z(?:n[wa]|d[la])")
_STANDARD = re.compile(rb"_Z(?:T[A-Za-z]|GV)?Z?N?[VKr]*(?:S[tabsiod]|9__gnu_cxx|10__cxxabiv1)")


Changes = Mapping[Path, Mapping[int, bytes]]  # by library: what is to be written, by its place


def find_changes(folder: Path, paths: Iterable[str], *, least: int = LEAST) -> Changes:
    """Return the changes that take the names that nobody binds out of the libraries of an applib.

    Args:
        folder: the applib.
        paths: of its files.
        least: bytes of names that make a library worth it.
    """
    libraries = [folder / path for path in sorted(paths) if is_elf(folder / path)]
    large = [library for library in libraries if size_of_names(library) >= least]
    names = {library: read_names(library) for library in libraries} if large else {}
    found = {}
    for library in large:
        others = frozenset[bytes]().union(*(each for other, each in names.items() if other != library))
        if changes := _find(library, others):
            found[library] = changes
    return found


def make_changes(changes: Changes) -> None:
    """Write changes to copies of the libraries, which take their places: other folders may share the files."""
    for library, content in changes.items():
        temporary = library.with_name(library.name + ".new")
        shutil.copyfile(library, temporary)
        shutil.copymode(library, temporary)
        with temporary.open("r+b") as target:
            for place, data in content.items():
                target.seek(place)
                target.write(data)
        temporary.replace(library)


def _find(library: Path, others: Set[bytes]) -> Mapping[int, bytes]:
    with library.open("rb") as file:
        try:
            tables = Tables(file)
            bound = tables.bound()
            dropped = {
                number
                for number, (symbol, name) in enumerate(zip(tables.symbols, tables.names, strict=True))
                if name not in others and number not in bound and _may_go(symbol, name)
            }
            return tables.without(dropped) if dropped else {}
        except DAMAGED:
            return {}  # it stays as it is


def _may_go(symbol: Symbol, name: bytes) -> bool:
    binding, kind = symbol.info >> 4, symbol.info & 15
    if not UNDEFINED < symbol.section < RESERVED or binding not in (GLOBAL, WEAK) or not name.startswith(b"_Z"):
        return False
    if kind == FUNCTION:
        return not _ALLOCATION.match(name)
    return kind == OBJECT and not _STANDARD.match(name)
