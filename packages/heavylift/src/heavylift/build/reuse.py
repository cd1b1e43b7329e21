"""Frames of the last archive: content that it holds already need not be compressed again.

A frame is used again only after it was inflated and compared, so a damaged archive costs time and nothing else. Its bytes
depend on the compressor: the archive must come from the same one, or two builds of the same inputs would differ.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from heavylift.contracts.archive import BLOCK_SIZE, SUFFIX, Content
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.loading import hot_blocks
from heavylift.contracts.pages import HOT
from heavylift.runtime.archivefile import read_index
from heavylift.runtime.inflate import inflate_stretch
from heavylift.runtime.zipentry import LOCAL_HEADER


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The frames of an archive, and where they lie in it: offset and length, by file and place in the file."""

    data: bytes | mmap.mmap = b""
    places: Mapping[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def find(self, path: str, start: int, raw: bytes) -> bytes | None:
        """Return the frame of these bytes; None unless the archive's file holds just them at that place."""
        if (path, start) not in self.places:
            return None
        offset, length = self.places[path, start]
        frame = self.data[offset : offset + length]
        try:
            return frame if inflate_stretch(frame, len(raw), path) == raw else None
        except InvalidArchiveError:
            return None


@contextmanager
def open_pieces(path: Path | None) -> Iterator[Pieces]:
    """Open an archive that this build wrote; there are no pieces without one, and none in any other file."""
    with ExitStack() as stack:
        pieces = Pieces()
        if path is not None:
            try:
                file = stack.enter_context(path.open("rb"))
                data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                pieces = _read_pieces(path, data)
            except Exception:  # noqa: BLE001, S110 - whatever is wrong with it: everything is compressed anew
                pass
        yield pieces


def _read_pieces(path: Path, data: mmap.mmap) -> Pieces:
    index, origin = read_index(path)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    places = {}
    for entry in entries[1:]:
        places[entry.filename.removesuffix(SUFFIX), 0] = (_data_offset(data, entry), entry.compress_size)
    for name, start, block in _stretches(index.content):
        places[name, start] = (origin + index.layout[block].offset, index.layout[block].packed)
    return Pieces(data=data, places=places)


def _stretches(content: Content) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each large entry, with the place in it and the number of each of its blocks."""
    for number, library in enumerate(content.libraries):
        start = 0
        for block in hot_blocks(content, library):
            yield f"{HOT}/{number}", start, block
            start += content.blocks[block].raw
    for file in content.files:
        start, block = 0, file.block
        while file.size > BLOCK_SIZE and start < file.size:
            yield file.path, start, block
            start, block = start + content.blocks[block].raw, block + 1


def _data_offset(data: mmap.mmap, entry: zipfile.ZipInfo) -> int:
    *_, name, extra = LOCAL_HEADER.unpack_from(data, entry.header_offset)
    return entry.header_offset + LOCAL_HEADER.size + int(name) + int(extra)
