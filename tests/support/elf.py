"""Shared libraries for tests: as small as they can be, with segments and sections as a test wants them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

LOAD, DYNAMIC, INTERP = 1, 2, 3  # p_type (System V ABI)
R, RX, RW, RWX = 4, 5, 6, 7  # p_flags
CODE, DATA, WRITABLE = 6, 2, 3  # sh_flags: SHF_ALLOC, with SHF_EXECINSTR or SHF_WRITE
HEADER, PROGRAM_HEADER, SECTION_HEADER = 64, 56, 64  # bytes
NULL, TEXTREL, FLAGS = 0, 22, 30  # d_tag


@dataclass(frozen=True)
class Segment:
    """A program header; its place in memory is its place in the file."""

    offset: int
    size: int
    flags: int
    type: int = LOAD
    memory: int | None = None  # None: as in the file


@dataclass(frozen=True)
class Section:
    """A section; the section table stands at the file's end."""

    offset: int
    size: int
    flags: int
    name: str = ""


def header_of(number: int) -> int:
    """Return the place of the p_flags of a program header."""
    return HEADER + PROGRAM_HEADER * number + 4


def make_library(
    content: bytes,
    segments: Sequence[Segment],
    sections: Sequence[Section],
    *,
    dynamic: Sequence[tuple[int, int]] = (),
    kind: int = 3,  # ET_DYN
) -> bytes:
    """Return a library: headers over the content's first bytes, the dynamic section and the section table behind it.

    Args:
        content: of the file, in which the headers are written.
        segments: of the file, without PT_DYNAMIC.
        sections: of the file.
        dynamic: tags and values; without any, there is no PT_DYNAMIC.
        kind: e_type.
    """
    data = bytearray(content)
    if dynamic:
        table = b"".join(struct.pack("<QQ", *each) for each in [*dynamic, (NULL, 0)])
        segments = [*segments, Segment(len(data), len(table), RW, DYNAMIC)]
        data += table
    names = b"\0" + b"".join(each.name.encode() + b"\0" for each in sections)
    names_place, table_place = len(data), len(data) + len(names)
    data += names
    for each in (Section(0, 0, 0), *sections):
        kind_of_section = 1 if each.size else 0  # SHT_PROGBITS, SHT_NULL
        name = names.index(b"\0" + each.name.encode() + b"\0") + 1 if each.name else 0
        data += struct.pack(
            "<LLQQQQLLQQ", name, kind_of_section, each.flags, each.offset, each.offset, each.size, 0, 0, 1, 0
        )
    names_number = len(sections) + 1
    data += struct.pack(
        "<LLQQQQLLQQ", 0, 3, 0, 0, names_place, len(names), 0, 0, 1, 0
    )  # SHT_STRTAB: of the sections' names
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    data[:HEADER] = identity + struct.pack(
        "<HHLQQQLHHHHHH",
        kind,
        62,  # EM_X86_64
        1,
        0,
        HEADER,
        table_place,
        0,
        HEADER,
        PROGRAM_HEADER,
        len(segments),
        SECTION_HEADER,
        names_number + 1,
        names_number,
    )
    for number, segment in enumerate(segments):
        memory = segment.size if segment.memory is None else segment.memory
        place = HEADER + PROGRAM_HEADER * number
        data[place : place + PROGRAM_HEADER] = struct.pack(
            "<LLQQQQQQ",
            segment.type,
            segment.flags,
            segment.offset,
            segment.offset,
            segment.offset,
            segment.size,
            memory,
            4096,
        )
    return bytes(data)
