"""Strips symbols off libraries that lie as linkers write them: what is mapped first, behind it what only debuggers read.

`strip` takes a library apart and puts it together again: of half a gigabyte, in two seconds. Here nothing moves: what is mapped is
copied, and a table of the sections that are left follows. The bytes are those that `strip --strip-unneeded` of GNU Binutils writes.
What lies in any other way, as gold and patchelf leave it, is the tool's.

Source: System V ABI, "ELF Header", "Sections", "String Table"; bfd/elf-strtab.c for the order of the sections' names.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from heavylift.build.files import copy_range
from heavylift.build.headers import (
    ALLOCATED,
    LOAD,
    NOBITS,
    SECTION,
    SEGMENT,
    SYMTAB,
    DamagedError,
    Headers,
    Section,
    read_headers,
    read_part,
)

_START = 64  # bytes of Elf64_Ehdr; the table of segments follows
_PLACE, _COUNT = 40, 60  # bytes from its start to e_shoff (8 bytes), and to e_shnum and e_shstrndx (2 each)
_ARRAYS = frozenset({14, 15, 16})  # sh_type: INIT_ARRAY, FINI_ARRAY, PREINIT_ARRAY
_POINTER = 8  # bytes of an entry of these, which not every linker tells
_DEBUG, _COMMENT, _NAMES = b".debug_", b".comment", b".shstrtab"


class _Part(NamedTuple):
    """A section that stays."""

    name: bytes
    header: Section
    place: int  # bytes from the start of the new file


def strip_symbols(library: Path, target: Path) -> bool:
    """Write a library without the symbols that no loader reads; return whether it could be done: otherwise, nothing is written.

    Args:
        library: the file.
        target: where the new one goes.
    """
    with library.open("rb") as file:
        try:
            headers = read_headers(file)
            parts = _find_parts(headers, headers.section_names(file), os.fstat(file.fileno()).st_size)
            head = bytearray(read_part(file, 0, _START + len(headers.segments) * SEGMENT.size))
        except DamagedError:
            return False
        if not parts:
            return False
        text, names = _table_of_names([_NAMES, *(part.name for part in parts)])
        *parts, own = parts
        place = -(-(own.place + len(text)) // 8) * 8
        table = [*parts, own._replace(header=own.header._replace(size=len(text)))]
        struct.pack_into("<Q", head, _PLACE, place)
        struct.pack_into("<2H", head, _COUNT, len(table), len(parts))
        with target.open("wb", buffering=0) as new:
            new.write(head)
            for part in parts:
                if part.header.type != NOBITS:
                    copy_range(file, part.header.offset, part.header.size, new, part.place)
            new.seek(own.place)
            new.write(text)
            new.seek(place)
            new.write(b"".join(SECTION.pack(*_described(part, names)) for part in table))
    return True


def _find_parts(headers: Headers, names: dict[int, bytes], size: int) -> list[_Part]:
    """Return the sections that stay, their names last; none where the file lies in another way."""
    sections = [*headers.sections.values()]
    named = [names[place] for place in headers.sections]
    first = next((number for number, each in enumerate(sections) if number and not each.flags & ALLOCATED), 0)
    mapped, others = sections[1:first], range(first, len(sections))
    end = max((each.offset + each.size for each in mapped if each.type != NOBITS), default=0)
    loaded = max((each.offset + each.size for each in headers.segments.values() if each.type == LOAD), default=0)
    symbols = [number for number in others if sections[number].type == SYMTAB]
    gone = {*symbols, *(sections[number].link for number in symbols)}
    gone |= {number for number in others if named[number].startswith(_DEBUG)}
    left = [number for number in others if number not in gone]
    if (
        not mapped
        or loaded > end
        or min(headers.segments, default=0) != _START
        or any(sections[number].flags & ALLOCATED or sections[number].offset < end for number in others)
        or any(each.link >= first for each in mapped)
        or [number for number in left if named[number] != _COMMENT] != [headers.names]
    ):
        return []
    parts = [_Part(name, each, each.offset) for name, each in zip(named[:first], sections[:first], strict=True)]
    for number in (*(number for number in left if number != headers.names), headers.names):
        each = sections[number]
        place = -(-end // (each.align or 1)) * (each.align or 1)
        parts.append(_Part(named[number], each, place))
        end = place + each.size
    ends = (max(part.place, part.header.offset) + part.header.size for part in parts if part.header.type != NOBITS)
    return parts if max(ends) <= size else []


def _table_of_names(names: Iterable[bytes]) -> tuple[bytes, dict[bytes, int]]:
    """Return a table of names, and the place of each: one that another ends with stands in it."""
    wanted = [name for name in dict.fromkeys(names) if name]
    around, last = dict[bytes, bytes](), b""
    for name in sorted(wanted, key=lambda each: each[::-1], reverse=True):
        if last.endswith(name):
            around[name] = last
        else:
            last = name
    text, places = bytearray(1), {b"": 0}
    for name in wanted:
        if name not in around:
            places[name] = len(text)
            text += name + b"\0"
    places |= {name: places[whole] + len(whole) - len(name) for name, whole in around.items()}
    return bytes(text), places


def _described(part: _Part, names: dict[bytes, int]) -> Sequence[int]:
    header = part.header._replace(name=names[part.name], offset=part.place)
    return header._replace(entry=_POINTER) if header.type in _ARRAYS else header
