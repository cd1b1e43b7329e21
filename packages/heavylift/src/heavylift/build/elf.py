"""Reads shared libraries and programs: their names, the libraries that they need, the symbols that they define, their code."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

from heavylift.build.binaries import is_elf
from heavylift.build.headers import (
    ALLOCATED,
    DYNAMIC,
    DYNSYM,
    INTERPRETER,
    LOAD,
    NOBITS,
    SHARED,
    DamagedError,
    Headers,
    Section,
    Segment,
    read_headers,
    read_part,
)
from heavylift.contracts.pages import EXECUTE, PAGE, READ, WRITE, Region

P_FLAGS = 4  # bytes from the start of a 64-bit program header to its p_flags (System V ABI, Elf64_Phdr)
CODE = 4  # sh_flags: SHF_EXECINSTR
NAMES = {1: "DT_NEEDED", 14: "DT_SONAME"}
TEXTREL, FLAGS = 22, 30  # DT_
DF_TEXTREL = 4  # of DT_FLAGS
# How to go on after an exception of C++: the unwinder alone reads them, in the thread that throws, and hands no pointer on.
UNWIND_TABLES = (b".eh_frame", b".eh_frame_hdr", b".gcc_except_table")
# In libraries of Go, whose runtime takes faults in its own code for errors of the program, and blocks signals while it makes a
# thread. Source: go.dev/src/runtime/signal_unix.go, and debug/buildinfo, which finds programs of Go by this section.
GO = b".go.buildinfo"
_DAMAGED = (DamagedError, OSError, ValueError)


class _Named(NamedTuple):
    """A section with its name."""

    name: bytes
    header: Section


def read_dynamic(library: Path) -> Iterator[tuple[str, str]]:
    """Yield the names that a file needs (DT_NEEDED), its own (DT_SONAME), and the versions of symbols that it needs (DT_VERNEED).

    A damaged file has none.
    """
    try:
        with library.open("rb") as file:
            headers = read_headers(file)
            yield from headers.dynamic_names(file, NAMES)
            yield from (("DT_VERNEED", name) for name in dict.fromkeys(headers.needed_versions(file)))
    except _DAMAGED:
        return  # nothing can load it, either


def is_extension(path: Path) -> bool:
    """Return whether a file is an extension module: one that defines its entry point.

    Source: docs.python.org/3/c-api/module.html, "PyInit_".
    """
    if not is_elf(path):
        return False
    try:
        with path.open("rb") as file:
            return _names(file, f"PyInit_{path.name.partition('.')[0]}".encode(), defined=True)
    except _DAMAGED:
        return False


def binds_any(library: Path, names: Iterable[bytes]) -> bool:
    """Return whether a library takes one of some symbols from another one."""
    try:
        with library.open("rb") as file:
            return any(_names(file, name, defined=False) for name in names)
    except _DAMAGED:
        return False


def read_code(library: Path) -> tuple[Region, ...]:
    """Return the regions of a shared library whose pages may be absent until they are executed; none of any other file.

    They are its executable segments in which nothing but code lies, by its section table: a kernel that is given a pointer to data
    reads it without a fault. It must not need relocations of its code (DT_TEXTREL), for which the linker opens it, nor be Go's.
    Source: System V ABI, "Program Header", "Section Header", "Dynamic Section".
    """
    return _regions(library, _is_code)


def read_tables(library: Path) -> tuple[Region, ...]:
    """Return the regions of a shared library in which nothing but unwind tables lies: its pages may be absent until they are read.

    Source: LSB Core, "Exception Frames".
    """
    return _regions(library, _is_unwind_table)


def find_mixed_code(library: Path) -> list[range]:
    """Return the stretches of whole pages that hold code only, in segments of a shared library that hold data as well.

    They are offsets in the file, in its order; see `read_code`.
    """
    return _mixed(library, _is_code)


def find_mixed_tables(library: Path) -> list[range]:
    """Return the stretches of whole pages that hold unwind tables only, in segments that hold something else as well.

    They are offsets in the file, in its order; see `read_tables`.
    """
    return _mixed(library, _is_unwind_table)


def _names(file: BinaryIO, name: bytes, *, defined: bool) -> bool:
    """Return whether a library defines a symbol, or takes it from another one. One name may be the end of another."""
    sections = [*read_headers(file).sections.values()]
    for table in (each for each in sections if each.type == DYNSYM and each.link < len(sections)):
        text = read_part(file, sections[table.link].offset, sections[table.link].size)
        places, place = set(), -1
        while (place := text.find(name + b"\0", place + 1)) >= 0:
            places.add(place)
        if places:
            # Elf64_Sym, the first eight bytes of 24: its name (4), kind (1), visibility (1), section (2; 0: it is not defined here)
            heads = array("Q", read_part(file, table.offset, table.size))[::3]
            return any(head & 0xFFFFFFFF in places and bool(head >> 48) is defined for head in heads)
    return False


def _regions(library: Path, belongs: Callable[[_Named], bool]) -> tuple[Region, ...]:
    regions = []
    for header, segment, sections in _constant(library):
        if all(map(belongs, sections)):
            regions.append(Region(segment.offset, segment.size, segment.flags, header + P_FLAGS))
    return tuple(sorted((each for each in regions if each.pages), key=lambda each: each.offset))


def _mixed(library: Path, belongs: Callable[[_Named], bool]) -> list[range]:
    found = []
    for _, segment, sections in _constant(library):
        runs = [[each.header for each in run] for same, run in groupby(sections, belongs) if same]
        if sum(map(len, runs)) == len(sections):
            continue  # nothing else
        for run in runs:
            start = max(run[0].offset, segment.offset)
            stop = min(run[-1].offset + run[-1].size, segment.offset + segment.size)
            found.append(range(-(-start // PAGE) * PAGE, stop // PAGE * PAGE))
    return sorted((each for each in found if each), key=lambda each: each.start)


def _constant(library: Path) -> list[tuple[int, Segment, list[_Named]]]:
    """Return the segments of a shared library that nobody writes to, each with its header's place and its sections, in their order.

    There are none where pages cannot come one by one whatever lies in them.
    """
    if not is_elf(library):
        return []
    try:
        with library.open("rb") as file:
            headers = read_headers(file)
            return _find_constant(headers, headers.dynamic(file), headers.section_names(file))
    except _DAMAGED:
        return []


def _find_constant(
    headers: Headers, tags: list[tuple[int, int]], names: dict[int, bytes]
) -> list[tuple[int, Segment, list[_Named]]]:
    kinds = {segment.type for segment in headers.segments.values()}
    if headers.kind != SHARED or INTERPRETER in kinds or DYNAMIC not in kinds:
        return []
    if GO in names.values():
        return []
    if any(tag == TEXTREL or (tag == FLAGS and value & DF_TEXTREL) for tag, value in tags):
        return []
    sections = [
        _Named(names[place], each)
        for place, each in headers.sections.items()
        if each.flags & ALLOCATED and each.size and each.type != NOBITS
    ]
    found = []
    loads = [segment for segment in headers.segments.values() if segment.type == LOAD]
    for place, segment in headers.segments.items():
        executable = segment.flags & EXECUTE
        if segment.type != LOAD or not (executable or segment.flags == READ):
            continue
        inside = [each for each in sections if _overlap(_span(each.header), (segment.address, segment.memory))]
        if (
            segment.flags & WRITE
            or segment.size != segment.memory
            or not inside
            or any(_overlap(_file_span(each), _file_span(segment)) for each in loads if each is not segment)
        ):
            if executable:
                return []
            continue
        found.append((place, segment, sorted(inside, key=lambda each: each.header.address)))
    return found


def _is_code(section: _Named) -> bool:
    return bool(section.header.flags & CODE)


def _is_unwind_table(section: _Named) -> bool:
    return section.name in UNWIND_TABLES


def _span(section: Section) -> tuple[int, int]:
    return section.address, section.size


def _file_span(segment: Segment) -> tuple[int, int]:
    return segment.offset, segment.size


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < sum(other) and other[0] < sum(one)
