"""Reads shared libraries and programs: their names, the libraries that they need, the symbols that they define, their code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.hash import ELFHashSection, GNUHashSection
from elftools.elf.sections import Section
from elftools.elf.segments import Segment

from heavylift.build.binaries import is_elf
from heavylift.contracts.pages import EXECUTE, PAGE, READ, WRITE, Region

P_FLAGS = 4  # bytes from the start of a 64-bit program header to its p_flags (System V ABI, Elf64_Phdr)
DF_TEXTREL = 4  # of DT_FLAGS
# How to go on after an exception of C++: the unwinder alone reads them, in the thread that throws, and hands no pointer on.
UNWIND_TABLES = (".eh_frame", ".eh_frame_hdr", ".gcc_except_table")
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


def read_code(library: Path) -> tuple[Region, ...]:
    """Return the regions of a shared library whose pages may be absent until they are executed; none of any other file.

    They are its executable segments in which nothing but code lies, by its section table: a kernel that is given a pointer to data
    reads it without a fault. It must not need relocations of its code (DT_TEXTREL), for which the linker opens it.
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


def _regions(library: Path, belongs: Callable[[Section], bool]) -> tuple[Region, ...]:
    regions = []
    for header, segment, sections in _constant(library):
        if all(map(belongs, sections)):
            regions.append(Region(segment["p_offset"], segment["p_filesz"], segment["p_flags"], header + P_FLAGS))
    return tuple(sorted((each for each in regions if each.pages), key=lambda each: each.offset))


def _mixed(library: Path, belongs: Callable[[Section], bool]) -> list[range]:
    found = []
    for _, segment, sections in _constant(library):
        runs = [list(run) for same, run in groupby(sections, belongs) if same]
        if sum(map(len, runs)) == len(sections):
            continue  # nothing else
        for run in runs:
            start = max(run[0]["sh_offset"], segment["p_offset"])
            stop = min(run[-1]["sh_offset"] + run[-1]["sh_size"], segment["p_offset"] + segment["p_filesz"])
            found.append(range(-(-start // PAGE) * PAGE, stop // PAGE * PAGE))
    return sorted((each for each in found if each), key=lambda each: each.start)


def _constant(library: Path) -> list[tuple[int, Segment, list[Section]]]:
    """Return the segments of a shared library that nobody writes to, each with its header's place and its sections, in their order.

    There are none where pages cannot come one by one whatever lies in them.
    """
    if not is_elf(library):
        return []
    try:
        with library.open("rb") as file:
            return _find_constant(ELFFile(file))
    except _DAMAGED:
        return []


def _find_constant(elf: ELFFile) -> list[tuple[int, Segment, list[Section]]]:
    segments = list(elf.iter_segments())
    kinds = {segment["p_type"] for segment in segments}
    if elf.elfclass != 64 or not elf.little_endian or elf["e_type"] != "ET_DYN" or "PT_INTERP" in kinds:
        return []
    if "PT_DYNAMIC" not in kinds or any(_has_text_relocations(elf)):
        return []
    sections = [
        each
        for each in elf.iter_sections()
        if each["sh_flags"] & SH_FLAGS.SHF_ALLOC and each["sh_size"] and each["sh_type"] != "SHT_NOBITS"
    ]
    found = []
    loads = [segment for segment in segments if segment["p_type"] == "PT_LOAD"]
    for number, segment in enumerate(segments):
        executable = segment["p_flags"] & EXECUTE
        if segment["p_type"] != "PT_LOAD" or not (executable or segment["p_flags"] == READ):
            continue
        inside = [each for each in sections if _overlap(_span(each), (segment["p_vaddr"], segment["p_memsz"]))]
        if (
            segment["p_flags"] & WRITE
            or segment["p_filesz"] != segment["p_memsz"]
            or not inside
            or any(_overlap(_file_span(each), _file_span(segment)) for each in loads if each is not segment)
        ):
            if executable:
                return []
            continue
        header = elf["e_phoff"] + number * elf["e_phentsize"]
        found.append((header, segment, sorted(inside, key=lambda each: int(each["sh_addr"]))))
    return found


def _is_code(section: Section) -> bool:
    return bool(section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR)


def _is_unwind_table(section: Section) -> bool:
    return section.name in UNWIND_TABLES


def _has_text_relocations(elf: ELFFile) -> Iterator[bool]:
    for segment in elf.iter_segments("PT_DYNAMIC"):
        for tag in segment.iter_tags():
            yield tag.entry.d_tag == "DT_TEXTREL"
            yield tag.entry.d_tag == "DT_FLAGS" and bool(tag.entry.d_val & DF_TEXTREL)


def _span(section: Section) -> tuple[int, int]:
    return section["sh_addr"], section["sh_size"]


def _file_span(segment: Segment) -> tuple[int, int]:
    return segment["p_offset"], segment["p_filesz"]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < sum(other) and other[0] < sum(one)
