"""The headers of shared libraries and programs: where in a file everything lies, and what of it a linker maps.

Files of 64 bits, little-endian, for any processor. Headers alone are read, a few kilobytes of a file of any size: a build asks for
those of each library several times.

Source: System V ABI, "ELF Header", "Sections", "Program Header", "Dynamic Section"; Linux Standard Base, "Symbol Versioning".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

SHARED, X86_64 = 3, 62  # e_type, e_machine
LOAD, DYNAMIC, INTERPRETER = 1, 2, 3  # p_type
SYMTAB, NOBITS, DYNSYM = 2, 8, 11  # sh_type
ALLOCATED = 2  # sh_flags: SHF_ALLOC
LONGEST = 4096  # bytes of a name, at most: what a path may have

# Elf64_Ehdr: magic, class, order, type, machine; where the headers of segments and of sections stand; size and count of each,
# and the section of the sections' names
_HEADER = struct.Struct("<4s2B10x2H12x2Q6x5H")
_KNOWN = (b"\x7fELF", 2, 1)
SEGMENT, SECTION = struct.Struct("<2I6Q"), struct.Struct("<2I4Q2I2Q")  # Elf64_Phdr, Elf64_Shdr
TAG = struct.Struct("<2Q")  # Elf64_Dyn
_END, _STRTAB, _VERNEED, _VERNEEDNUM = 0, 5, 0x6FFFFFFE, 0x6FFFFFFF  # DT_
# Elf64_Verneed: version, count of its parts, name of the library, where the parts are, where the next one is; Elf64_Vernaux: hash,
# flags, number, name, where the next part is. Places count from the start of each.
NEED, NEED_PART = struct.Struct("<2H3I"), struct.Struct("<I2H2I")
_WEAK = 2  # VER_FLG_WEAK: it may be missing


class DamagedError(Exception):
    """A file is no library or program, or not all of one."""


class Segment(NamedTuple):
    """A program header, Elf64_Phdr."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    align: int

    def part(self, start: int, stop: int) -> Segment:
        """Return the header of a part: from one offset in the file to another."""
        moved = start - self.offset
        return self._replace(
            offset=start,
            address=self.address + moved,
            physical=self.physical + moved,
            size=stop - start,
            memory=stop - start,
        )


class Section(NamedTuple):
    """A section header, Elf64_Shdr."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a file.

    Attributes:
        kind: e_type.
        machine: e_machine.
        segments: by the place of each header in the file.
        sections: in the same way.
        names: the number of the section of the sections' names.
    """

    kind: int
    machine: int
    segments: Mapping[int, Segment]
    sections: Mapping[int, Section]
    names: int

    def section_names(self, file: BinaryIO) -> dict[int, bytes]:
        """Return the names of the sections, by the place of each header.

        Raises:
            DamagedError: a name lies outside of the file.
        """
        sections = [*self.sections.values()]
        if self.names >= len(sections):
            raise DamagedError("there are no names of sections")
        text = read_part(file, sections[self.names].offset, sections[self.names].size)
        return {place: text[each.name :].partition(b"\0")[0] for place, each in self.sections.items()}

    def dynamic(self, file: BinaryIO) -> list[tuple[int, int]]:
        """Return the tags of the dynamic section, each with its value.

        Raises:
            DamagedError: the section lies outside of the file.
        """
        found = []
        for segment in self.segments.values():
            if segment.type == DYNAMIC:
                found += read_tags(read_part(file, segment.offset, segment.size // TAG.size * TAG.size))
        return found

    def dynamic_names(self, file: BinaryIO, wanted: Mapping[int, str]) -> Iterator[tuple[str, str]]:
        """Yield the names that the dynamic section tells.

        Args:
            file: that these headers are of.
            wanted: tags whose value is a name, and what each is called.

        Raises:
            DamagedError: a name lies outside of the file.
        """
        for tag, place in self.dynamic_places(file, wanted):
            yield wanted[tag], read_name(file, place)

    def dynamic_places(self, file: BinaryIO, wanted: Container[int]) -> Iterator[tuple[int, int]]:
        """Yield tags of the dynamic section whose values are names, each with the place of the name in the file.

        Args:
            file: that these headers are of.
            wanted: the tags.

        Raises:
            DamagedError: the section, or the table of names, lies outside of the file.
        """
        tags = self.dynamic(file)
        for address in [value for tag, value in tags if tag == _STRTAB][:1]:
            table = self._offset(address)
            yield from ((tag, table + value) for tag, value in tags if tag in wanted)

    def needed_versions(self, file: BinaryIO) -> Iterator[str]:
        """Yield the versions of symbols without which a linker refuses the file, such as GLIBC_2.34.

        Raises:
            DamagedError: a name lies outside of the file.
        """
        tags = dict(self.dynamic(file))
        if not tags.keys() >= {_STRTAB, _VERNEED, _VERNEEDNUM}:
            return
        table, place = self._offset(tags[_STRTAB]), self._offset(tags[_VERNEED])
        for _ in range(tags[_VERNEEDNUM]):
            _, count, _, first, following = NEED.unpack(read_part(file, place, NEED.size))
            part = place + first
            for _ in range(count):
                _, flags, _, name, step = NEED_PART.unpack(read_part(file, part, NEED_PART.size))
                if not flags & _WEAK:
                    yield read_name(file, table + name)
                part += step
            if not following:
                return
            place += following

    def end(self) -> int:
        """Return the place behind the last byte that the headers tell of, themselves among them."""
        ends = [each.offset + each.size for each in self.segments.values()]
        ends += [each.offset + each.size for each in self.sections.values() if each.type != NOBITS]
        ends += [place + SEGMENT.size for place in self.segments]
        ends += [place + SECTION.size for place in self.sections]
        return max(ends, default=0)

    def _offset(self, address: int) -> int:
        """Return the place in the file of what a linker maps to an address."""
        for each in self.segments.values():
            if each.type == LOAD and each.address <= address < each.address + each.size:
                return each.offset + address - each.address
        raise DamagedError("an address is of nothing in the file")


def read_headers(file: BinaryIO) -> Headers:
    """Read the headers of a library or program.

    Raises:
        DamagedError: it is none, or not all of it is there.
    """
    *known, kind, machine, segments, sections, entry, segment_count, size, section_count, names = _HEADER.unpack(
        read_part(file, 0, _HEADER.size)
    )
    if tuple(known) != _KNOWN:
        raise DamagedError("it is no library of 64 bits")
    if (segment_count and entry != SEGMENT.size) or (section_count and size != SECTION.size):
        raise DamagedError("its headers have another size")
    return Headers(
        kind=kind,
        machine=machine,
        segments={place: Segment(*fields) for place, fields in _table(file, segments, segment_count, SEGMENT)},
        sections={place: Section(*fields) for place, fields in _table(file, sections, section_count, SECTION)},
        names=names,
    )


def read_part(file: BinaryIO, place: int, size: int) -> bytes:
    """Return bytes of a file.

    Raises:
        DamagedError: it does not have as many.
    """
    if place + size > os.fstat(file.fileno()).st_size:
        raise DamagedError("it is cut")
    file.seek(place)
    return file.read(size)


def read_tags(section: bytes) -> list[tuple[int, int]]:
    """Return the tags of a dynamic section, each with its value, up to the one that ends them."""
    tags = list(TAG.iter_unpack(section))
    return tags[: [tag for tag, _ in [*tags, (_END, 0)]].index(_END)]


def read_name(file: BinaryIO, place: int) -> str:
    """Return a name that ends with a zero.

    Raises:
        DamagedError: it lies outside of the file.
    """
    rest = max(0, os.fstat(file.fileno()).st_size - place)
    return read_part(file, place, min(LONGEST, rest)).partition(b"\0")[0].decode("utf-8", "replace")


def _table(file: BinaryIO, place: int, count: int, entry: struct.Struct) -> Iterator[tuple[int, tuple[int, ...]]]:
    data = read_part(file, place, count * entry.size)
    yield from zip(range(place, place + len(data), entry.size), entry.iter_unpack(data), strict=True)
