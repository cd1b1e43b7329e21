"""The tables of a shared library for x86-64 that a dynamic linker reads: symbols, their names, versions and hashes, relocations.

They are written back into their places: a table may become smaller, and the bytes behind it are zeros then. Nothing moves, in the
file or in memory.

Source: System V ABI, "Sections", "Symbol Table", "Relocation", "Dynamic Section", and its supplement for AMD64; the GNU hash
table as glibc reads it, elf/dl-lookup.c; versions of symbols as in the Linux Standard Base, "Symbol Versioning".
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import BinaryIO

from heavylift.build.headers import (
    DYNSYM,
    NEED,
    NEED_PART,
    SECTION,
    SHARED,
    TAG,
    X86_64,
    DamagedError,
    Section,
    read_headers,
    read_part,
    read_tags,
)

GLOBAL, WEAK = 1, 2  # bindings of a symbol
OBJECT, FUNCTION = 1, 2  # kinds of a symbol
UNDEFINED, RESERVED = 0, 0xFF00  # sections of a symbol: none, it is not defined here; from here on, none that is mapped

_SIZE = 32  # bytes from the start of a section's header to its size
_SYMBOL = 24  # bytes of an Elf64_Sym: name (4), kind and binding (1), visibility (1), section (2), value, size
_NAME = struct.Struct("<I20x")  # the first of these alone
_RELA = 24  # bytes of an Elf64_Rela: place, symbol and kind, addend
_HASHES = struct.Struct("<4I")  # buckets, first symbol, words of the filter, shift
_DEFINITION, _DEFINED = struct.Struct("<4H3I"), struct.Struct("<2I")  # Elf64_Verdef, Elf64_Verdaux
_DYNAMIC = 6  # SHT_
# And RELA, GNU_HASH, GNU_ver*
_TABLES = frozenset({4, _DYNAMIC, DYNSYM, 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF})
_NONE, _64, _GLOB_DAT, _JUMP_SLOT, _RELATIVE = 0, 1, 6, 7, 8  # R_X86_64_
_PLTRELSZ, _HASH, _STRTAB, _SYMTAB, _RELATAB = 2, 4, 5, 6, 7  # DT_
_RELASZ, _STRSZ, _REL, _PLTREL, _JMPREL = 8, 10, 17, 20, 23
_GNU_HASH, _VERSYM, _RELACOUNT, _VERDEF, _VERNEED = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFF9, 0x6FFFFFFC, 0x6FFFFFFE
# Tags whose value is a name: NEEDED, SONAME, RPATH, RUNPATH, CONFIG, DEPAUDIT, AUDIT, AUXILIARY, FILTER
_NAMED = frozenset({1, 14, 15, 29, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF})
_SHIFT = 26  # of the filter of hashes, as lld has it
_LOW8, _LOW32, _LOW64 = 2**8 - 1, 2**32 - 1, 2**64 - 1


class UnknownTablesError(Exception):
    """A file has no tables, or some that cannot be written back."""


# Raised for what is not as it should be.
DAMAGED = (UnknownTablesError, DamagedError, struct.error, ValueError, IndexError)


class Tables:
    """The tables of one library.

    Attributes:
        names: of its symbols, by number.
        kinds: of them: the binding in the upper four bits, the kind in the lower.
        sections: that they are defined in.

    Args:
        file: the library, open for reading.

    Raises:
        UnknownTablesError: it is none whose tables this module can write back.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sections = _read_sections(file)  # by the place of each header
        mapped = {each.address: place for place, each in self._sections.items() if each.address and each.size}
        self._dynamic = next((place for place, each in self._sections.items() if each.type == _DYNAMIC), 0)
        if not self._dynamic:
            raise UnknownTablesError("it is not linked dynamically")
        self._tags = read_tags(self._read(self._dynamic))
        values = dict(self._tags)
        if _HASH in values or _REL in values or values.get(_PLTREL, _RELATAB) != _RELATAB:
            raise UnknownTablesError("it has a table of another kind")
        try:
            self._symbols, self._names, self._hashes, self._relocations = (
                mapped[values[tag]] for tag in (_SYMTAB, _STRTAB, _GNU_HASH, _RELATAB)
            )
            self._lazy, self._versions, self._definitions, self._needs = (
                mapped[values[tag]] if tag in values else 0 for tag in (_JMPREL, _VERSYM, _VERDEF, _VERNEED)
            )
        except KeyError as error:
            raise UnknownTablesError("a table is no section") from error
        relocations = self._sections[self._relocations]
        follows = relocations.offset + relocations.size
        if relocations.size != values[_RELASZ] or (self._lazy and self._sections[self._lazy].offset != follows):
            raise UnknownTablesError("its relocations lie apart")
        self._text = self._read(self._names)
        self._table = self._read(self._symbols)
        words = array("Q", self._table)
        self._values = words[1::3]
        self.kinds = [word >> 32 & _LOW8 for word in words[0::3]]
        self.sections = [word >> 48 for word in words[0::3]]
        self.names = _cut(self._text, self._table)
        found = array("Q", self._read(self._relocations) + (self._read(self._lazy) if self._lazy else b""))
        self._places, self._relations, self._addends = found[0::3], found[1::3], found[2::3]

    def bound(self) -> set[int]:
        """Return the numbers of the symbols that the library binds by name, and cannot bind by an address of its own."""
        relative = (_NONE, _64, _GLOB_DAT, _JUMP_SLOT, _RELATIVE)
        return {kind >> 32 for kind in self._relations if kind & _LOW32 not in relative}

    def without(self, dropped: Container[int]) -> dict[int, bytes]:
        """Return the tables without some symbols; the library's own relocations by them become relative to its address.

        Relocations that were bound when first called are bound when the library is loaded, as for every extension module.

        Args:
            dropped: numbers of symbols that the library defines, and does not bind by name; see `bound`.

        Returns:
            By its place in the file, what is to be written there.
        """
        relative, others = self._relocated(dropped)
        kept = [number for number in range(len(self.names)) if number not in dropped]
        first, known = self._hashed()
        unhashed = [number for number in kept if number < first]
        hashes, hashed = _hash_table({n: known(n) for n in kept if n >= first}, len(unhashed))
        order = [*unhashed, *hashed]
        numbers = {old: new for new, old in enumerate(order)}
        names = _Names()
        symbols = b"".join(
            names.place(self.names[n]).to_bytes(4, "little") + self._table[_SYMBOL * n + 4 : _SYMBOL * (n + 1)]
            for n in order
        )
        places = sorted(relative)
        relocations = array("Q", bytes(_RELA * len(places)))
        relocations[0::3] = array("Q", places)
        relocations[1::3] = array("Q", [_RELATIVE]) * len(places)
        relocations[2::3] = array("Q", map(relative.__getitem__, places))
        for place, kind, addend in others:
            relocations.extend((place, numbers[kind >> 32] << 32 | kind & _LOW32, addend))
        content = {self._symbols: symbols, self._hashes: hashes}
        if self._versions:
            versions = array("H", self._read(self._versions))
            content[self._versions] = array("H", [versions[number] for number in order]).tobytes()
        if self._needs:
            content[self._needs] = self._renamed(self._needs, NEED, 2, NEED_PART, 3, names)
        if self._definitions:
            content[self._definitions] = self._renamed(self._definitions, _DEFINITION, None, _DEFINED, 0, names)
        tags = self._retagged(len(places), len(relocations) * relocations.itemsize, names)
        content[self._names] = bytes(names.text)
        return self._placed(content, relocations.tobytes(), tags)

    def _relocated(self, dropped: Container[int]) -> tuple[dict[int, int], list[tuple[int, int, int]]]:
        """Return the relocations that are relative: addends by place; and the others: place, symbol with kind, addend."""
        relative: dict[int, int] = {}
        others: list[tuple[int, int, int]] = []
        values = self._values
        for place, kind, addend in zip(self._places, self._relations, self._addends, strict=True):
            if kind == _RELATIVE:
                relative[place] = addend
            elif (symbol := kind >> 32) in dropped:
                relative[place] = addend + values[symbol] & _LOW64
            else:
                others.append((place, kind, addend))
        if len(relative) + len(others) < len(self._places):
            raise UnknownTablesError("it relocates a place twice")
        return relative, others

    def _hashed(self) -> tuple[int, Callable[[int], int]]:
        """Return the first symbol that is found by its name, and the hash of the name of each from there on.

        The table has all of a hash but its lowest bit, whose place tells the end of a chain. That bit is the parity of the
        name's bytes and of 5381, which the hash starts from, since it multiplies by 33, an odd number.
        """
        table = self._read(self._hashes)
        buckets, first, words, _ = _HASHES.unpack_from(table)
        chains = array("I", table[_HASHES.size + 8 * words + 4 * buckets :])
        names = self.names
        return first, lambda number: chains[number - first] & ~1 | (1 + sum(names[number])) & 1

    def _renamed(
        self, table: int, head: struct.Struct, name: int | None, part: struct.Struct, part_name: int, names: _Names
    ) -> bytes:
        """Return a table of versions: heads with parts, each a chain whose last field leads on; `name`: the field with one."""
        data, place = bytearray(self._read(table)), 0
        while True:
            fields = list(head.unpack_from(data, place))
            if name is not None:
                fields[name] = names.place(self._name(fields[name]))
                head.pack_into(data, place, *fields)
            inner = place + fields[-2]
            while True:
                each = list(part.unpack_from(data, inner))
                each[part_name] = names.place(self._name(each[part_name]))
                part.pack_into(data, inner, *each)
                if not each[-1]:
                    break
                inner += each[-1]
            if not fields[-1]:
                return bytes(data)
            place += fields[-1]

    def _retagged(self, relative: int, size: int, names: _Names) -> bytes:
        gone = (_PLTRELSZ, _PLTREL, _JMPREL, _RELACOUNT)
        tags = [(tag, value) for tag, value in self._tags if tag not in gone]
        tags = [(tag, names.place(self._name(value)) if tag in _NAMED else value) for tag, value in tags]
        changed = {_RELASZ: size, _STRSZ: len(names.text)}
        tags = [(tag, changed.get(tag, value)) for tag, value in tags]
        return b"".join(TAG.pack(*each) for each in [*tags, (_RELACOUNT, relative)])

    def _placed(self, content: dict[int, bytes], relocations: bytes, tags: bytes) -> dict[int, bytes]:
        placed = {}
        for header, data in content.items():
            section = self._sections[header]
            placed[section.offset] = _filled(data, section.size)
            placed[header + _SIZE] = len(data).to_bytes(8, "little")
        room = sum(self._sections[header].size for header in (self._relocations, self._lazy) if header)
        placed[self._sections[self._relocations].offset] = _filled(relocations, room)
        placed[self._relocations + _SIZE] = len(relocations).to_bytes(8, "little")
        if self._lazy:
            placed[self._lazy + _SIZE] = bytes(8)
        dynamic = self._sections[self._dynamic]
        placed[dynamic.offset] = _filled(tags, dynamic.size - TAG.size) + bytes(TAG.size)
        return placed

    def _read(self, header: int) -> bytes:
        return _read(self._file, self._sections[header])

    def _name(self, place: int) -> bytes:
        return self._text[place : self._text.index(b"\0", place)]


class _Names:
    """A table of names, each once."""

    def __init__(self) -> None:
        self.text = bytearray(1)  # the empty name comes first
        self._places = {b"": 0}

    def place(self, name: bytes) -> int:
        """Return the place of a name, which may be a new one."""
        place = self._places.setdefault(name, len(self.text))
        if place == len(self.text):
            self.text += name + b"\0"
        return place


def read_names(library: Path) -> frozenset[bytes]:
    """Return the names that a library or program defines for others, or binds; none where there is no table of them."""
    with library.open("rb") as file:
        try:
            sections = list(_read_sections(file).values())
            found: set[bytes] = set()
            for section in sections:
                if section.type == DYNSYM:
                    found.update(_cut(_read(file, sections[section.link]), _read(file, section)))
        except DAMAGED:
            return frozenset()
        return frozenset(found)


def size_of_names(library: Path) -> int:
    """Return the bytes of the names that a library or program defines or binds; 0 where there is no table of them."""
    with library.open("rb") as file:
        try:
            sections = list(_read_sections(file).values())
            return sum(sections[each.link].size for each in sections if each.type == DYNSYM)
        except DAMAGED:
            return 0


def changing(library: Path) -> list[range]:
    """Return the stretches of a library, or program, that hold its tables; see `Tables.without`."""
    with library.open("rb") as file:
        try:
            headers = _read_sections(file)
        except DAMAGED:
            return []
        sections = list(headers.values())
        tables = [each for each in sections if each.type in _TABLES]
        tables += [sections[each.link] for each in tables if each.type == DYNSYM]
        places = [range(each.offset, each.offset + each.size) for each in tables]
        return [*places, range(min(headers), max(headers) + SECTION.size)]


def _read_sections(file: BinaryIO) -> Mapping[int, Section]:
    headers = read_headers(file)
    if headers.kind != SHARED or headers.machine != X86_64:
        raise UnknownTablesError("it is no shared library for x86-64")
    return headers.sections


def _read(file: BinaryIO, section: Section) -> bytes:
    return read_part(file, section.offset, section.size)


def _cut(text: bytes, table: bytes) -> list[bytes]:
    """Return the names of a table's symbols, in their order."""
    return [text[place : text.index(b"\0", place)] for (place,) in _NAME.iter_unpack(table)]


def _hash_table(hashes: Mapping[int, int], first: int) -> tuple[bytes, list[int]]:
    """Return the table by which symbols are found, and them in the order that it wants.

    Args:
        hashes: of the names, by the symbols' numbers.
        first: the new number of the first.
    """
    count = max(1, len(hashes) // 4)
    words = 1 << max(0, len(hashes) * 12 // 64 - 1).bit_length()
    order = sorted(hashes, key=lambda number: hashes[number] % count)
    buckets, words_of_filter, ends = [0] * count, [0] * words, []
    for place, number in enumerate(order):
        value = hashes[number]
        words_of_filter[value // 64 % words] |= 1 << value % 64 | 1 << (value >> _SHIFT) % 64
        bucket = value % count
        buckets[bucket] = buckets[bucket] or first + place
        last = place + 1 == len(order) or hashes[order[place + 1]] % count != bucket
        ends.append(value & ~1 | last)
    table = _HASHES.pack(count, first, words, _SHIFT) + struct.pack(f"<{words}Q", *words_of_filter)
    return table + struct.pack(f"<{count}I{len(ends)}I", *buckets, *ends), order


def _filled(data: bytes, size: int) -> bytes:
    if len(data) > size:
        raise UnknownTablesError(f"a table would take {len(data)} bytes, and has {size}")
    return data + bytes(size - len(data))
