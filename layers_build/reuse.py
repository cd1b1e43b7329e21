"""Deflated pieces of the archive that was packed before: what it holds already need not be deflated again.

A piece is used again only after it was inflated and compared, so a damaged archive costs time and nothing else. Deflated bytes
depend on the compressor: the archive must come from the same one, or two builds of the same inputs would differ.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from function.coldstart.archive import BLOCK_SIZE, INDEX_NAME, parse_index
from function.coldstart.deflate import DeflateError, inflater
from function.coldstart.inflate import LOCAL_HEADER

_FINAL = b"\3\0"  # an empty last block (RFC 1951, 3.2.6): where it ends a stream, that could go on with any block


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The pieces of an archive, and where they lie in it: offset and length."""

    data: bytes | mmap.mmap = b""
    # Of large files: by the digest of the raw bytes, and whether the file's stream ends with them.
    stretches: Mapping[tuple[str, bool], tuple[int, int]] = field(default_factory=dict)
    # Small files: by CRC-32 and size of the raw bytes.
    members: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def stretch(self, raw: bytes, digest: str, *, last: bool) -> bytes | None:
        """Return the deflated bytes of a large file's stretch; None where there are none."""
        return self._find(self.stretches.get((digest, last)), raw, b"" if last else _FINAL)

    def member(self, raw: bytes, crc: int) -> bytes | None:
        """Return the deflated bytes of a small file; None where there are none."""
        return self._find(self.members.get((crc, len(raw))), raw)

    def _find(self, place: tuple[int, int] | None, raw: bytes, rest: bytes = b"") -> bytes | None:
        if place is None:
            return None
        offset, length = place
        packed = self.data[offset : offset + length]
        engine = inflater()
        try:
            found = engine.decompress(packed + rest, len(raw) + 1)
        except DeflateError:
            return None
        return packed if found == raw and engine.eof and not engine.unused_data else None


@contextmanager
def open_pieces(path: Path | None) -> Iterator[Pieces]:
    """Open an archive of ours; without one there are no pieces, and none in what is not of ours."""
    with ExitStack() as stack:
        pieces = Pieces()
        if path is not None:
            try:
                file = stack.enter_context(path.open("rb"))
                data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                pieces = _read_pieces(path, data)
            except Exception:  # noqa: BLE001, S110 - whatever is wrong with it: everything is deflated anew
                pass
        yield pieces


def _read_pieces(path: Path, data: mmap.mmap) -> Pieces:
    with zipfile.ZipFile(path) as archive:
        index = parse_index(archive.read(INDEX_NAME))
        entries = archive.infolist()
    stretches, members = {}, {}
    large = {file.path: file for file in index.content.files if file.size > BLOCK_SIZE}
    origin = (
        _data_offset(data, entries[0]) + entries[0].compress_size
    )  # APPNOTE.TXT and contracts.md: the index comes first
    for file in large.values():
        count = -(-file.size // BLOCK_SIZE)
        for number in range(file.block, file.block + count):
            layout, last = index.layout[number], number == file.block + count - 1
            stretches[index.content.blocks[number].sha256, last] = (origin + layout.offset, layout.packed)
    for entry in entries[1:]:
        if entry.filename not in large and entry.compress_type == zipfile.ZIP_DEFLATED:
            members[entry.CRC, entry.file_size] = (_data_offset(data, entry), entry.compress_size)
    return Pieces(data=data, stretches=stretches, members=members)


def _data_offset(data: mmap.mmap, entry: zipfile.ZipInfo) -> int:
    *_, name, extra = LOCAL_HEADER.unpack_from(data, entry.header_offset)
    return entry.header_offset + LOCAL_HEADER.size + int(name) + int(extra)
