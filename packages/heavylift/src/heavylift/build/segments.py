"""Gives code and unwind tables of a large shared library segments of their own, where its linker put data beside them.

Many wheels are linked so that one segment (PT_LOAD) holds code and what is only read: symbols, constants, tables for exceptions.
Pages of such a segment cannot come one by one, since a kernel that is given a pointer to data reads it without a fault. So it
becomes three, which map the same bytes to the same addresses with the same rights: what stands before the whole pages of code,
these pages, and what stands behind them. Unwind tables, which only an exception of C++ reads, are taken
out of theirs the same way. The table of program headers, which has grown, moves to the file's end, into a segment that is only
read. All else stays: sections, symbols, addresses, and each byte that a program sees.

Source: System V ABI, "ELF Header", "Program Header".
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

from heavylift.build.binaries import carries_more
from heavylift.build.elf import find_mixed_code, find_mixed_tables
from heavylift.build.headers import LOAD, SEGMENT, Segment
from heavylift.contracts.pages import PAGE, READ

LEAST = 1 << 20  # bytes of code that are worth it
LEAST_TABLES = 1 << 18  # bytes of tables that are: they pack badly, and no start reads them
TABLE = 6  # p_type: PT_PHDR
_PLACE, _COUNT = 32, 56  # bytes from the start of Elf64_Ehdr to e_phoff (8 bytes), and to e_phnum (2)


def split_segments(library: Path) -> bool:
    """Give code and unwind tables segments of their own, if they are large and share one with data; return whether it did.

    Args:
        library: a file that has other names is replaced, not written into.
    """
    code = [each for each in find_mixed_code(library) if len(each) >= LEAST]
    tables = [each for each in find_mixed_tables(library) if len(each) >= LEAST_TABLES]
    stretches = sorted(code + tables, key=lambda each: each.start)
    if not stretches or carries_more(library):
        return False
    if library.stat().st_nlink > 1:
        temporary = library.with_name(library.name + ".split")
        shutil.copy2(library, temporary)
        temporary.replace(library)
    with library.open("r+b") as file:
        start = file.read(64)
        place, count = struct.unpack_from("<Q", start, _PLACE)[0], struct.unpack_from("<H", start, _COUNT)[0]
        file.seek(place)
        old = [Segment(*entry) for entry in SEGMENT.iter_unpack(file.read(count * SEGMENT.size))]
        end = file.seek(0, 2)
        new_place = -(-end // PAGE) * PAGE
        table = split_table(old, stretches, new_place)
        file.truncate(new_place)
        file.seek(new_place)
        file.write(b"".join(SEGMENT.pack(*each) for each in table))
        for at, pattern, value in ((_PLACE, "<Q", new_place), (_COUNT, "<H", len(table))):
            file.seek(at)
            file.write(struct.pack(pattern, value))
    return True


def split_table(old: Sequence[Segment], stretches: Sequence[range], place: int) -> list[Segment]:
    """Return the program headers of a library of which some stretches have segments of their own.

    Args:
        old: those that it has; what is loaded stands in the order of its addresses.
        stretches: by offsets in the file, in order: whole pages, each in one loaded segment.
        place: bytes from the start of the file to the new table; at a page's start.
    """
    table: list[Segment] = []
    for header in old:
        inside = [
            each
            for each in stretches
            if header.type == LOAD and header.offset <= each.start < header.offset + header.size
        ]
        position = header.offset
        for each in inside:
            table += [header.part(position, each.start)] if position < each.start else []
            table.append(header.part(each.start, each.stop))
            position = each.stop
        stop = header.offset + header.size
        if not inside:
            table.append(header)
        elif position < stop:
            table.append(header.part(position, stop))
    loads = [number for number, header in enumerate(table) if header.type == LOAD]
    address = -(-max(table[number].address + table[number].memory for number in loads) // PAGE) * PAGE
    size = (len(table) + 1) * SEGMENT.size
    own = Segment(LOAD, READ, place, address, address, size, size, PAGE)
    table.insert(loads[-1] + 1, own)
    return [own._replace(type=TABLE, align=8) if header.type == TABLE else header for header in table]
