"""The zip around an archive: local headers, the central directory and its end, in 64 bits where 32 are not enough.

Entries are stored; times are the first day that a zip can name. Source: APPNOTE.TXT.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from heavylift.build.files import copy_range

LIMIT32 = 0xFFFFFFFF  # above them, a zip needs its 64-bit fields (APPNOTE.TXT, 4.3.9, 4.4, 4.5.3)
_LIMIT16 = 0xFFFF
_DATE = 33  # 1980-01-01
_STORED = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, stored."""

    name: bytes
    mode: int  # with the file's type
    crc: int
    size: int  # bytes of its data
    offset: int  # of its local header, in bytes from the start of the body
    wide: bool = False  # its size stands in 64 bits

    def _common(self) -> bytes:
        size = LIMIT32 if self.wide else self.size
        return struct.pack("<HHHHHLLL", 45 if self.wide else 20, 0x800, _STORED, 0, _DATE, self.crc, size, size)

    def local_header(self) -> bytes:
        """Return what stands before its data."""
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.size) if self.wide else b""
        return b"PK\3\4" + self._common() + struct.pack("<HH", len(self.name), len(extra)) + self.name + extra

    def central_record(self, origin: int) -> bytes:
        """Return its record in the central directory.

        Args:
            origin: bytes of the zip before the body.
        """
        offset = origin + self.offset
        large = [self.size, self.size] if self.wide else []
        if offset >= LIMIT32:
            large.append(offset)
        extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        return (
            b"PK\1\2"
            + struct.pack("<H", 0x0300 | 45)
            + self._common()
            + struct.pack("<HHHHHLL", len(self.name), len(extra), 0, 0, 0, self.mode << 16, min(offset, LIMIT32))
            + self.name
            + extra
        )


def write_zip(target: Path, first: Entry, data: bytes, body: BinaryIO, entries: Sequence[Entry]) -> int:
    """Write a zip beside its target and rename it; return its bytes.

    Args:
        target: its final name.
        first: the entry before the body.
        data: of the first entry.
        body: local headers and data of the other entries.
        entries: the others, with their places in the body.
    """
    head = first.local_header() + data
    temporary = target.with_name(target.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(head)
            copy_range(body, 0, body.seek(0, os.SEEK_END), file, len(head))
            start = file.tell()
            file.write(first.central_record(0))
            for entry in entries:
                file.write(entry.central_record(len(head)))
            file.write(_end(len(entries) + 1, start, file.tell() - start))
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return size


def _end(count: int, start: int, size: int) -> bytes:
    classic = struct.pack(
        "<4sHHHHLLH",
        b"PK\5\6",
        0,
        0,
        min(count, _LIMIT16),
        min(count, _LIMIT16),
        min(size, LIMIT32),
        min(start, LIMIT32),
        0,
    )
    if count < _LIMIT16 and start < LIMIT32 and size < LIMIT32:
        return classic
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 0x0300 | 45, 45, 0, 0, count, count, size, start)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1) + classic
