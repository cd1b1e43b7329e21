"""Loads one archive into its directory: fetch, verify, inflate, write.

Stages, each of which leaves the target as it was until the last:

1. lock the target; if it holds what is wanted, there is nothing to do;
2. read the object's first bytes: they hold the index, or show that there is none (`plainzip` takes over then);
3. check index, digest and disk, and make the directories;
4. several connections at once fetch ranges of whole blocks; the thread that fetched a block inflates, verifies and
   writes it in place, while the other connections go on receiving. A thread holds one block at a time: that bounds
   the memory;
5. create the links, write the marker, rename.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .archive import BLOCK_SIZE, INDEX_NAME, MAX_INDEX, Index, Piece, content_digest, parse_index, pieces
from .errors import DigestMismatchError, InvalidArchiveError
from .inflate import DEFLATED, LOCAL_HEADER, LOCAL_SIGNATURE, inflate_members, inflate_stretch, verify
from .parallel import run_all
from .store import ObjectReader, cut
from .target import Origin, Staging, Target
from .timeline import Timeline

HEAD = 512 * 1024  # bytes read first; they hold the index of all but the largest archives
CONNECTIONS = 6  # requests at once; on two cores eight were not faster, four were slower
SIZELESS = 0x1 | 0x8  # APPNOTE.TXT 4.4.4: encrypted, or its sizes come after the data
RANGE = 8 * 1024 * 1024  # bytes that one request asks for, at least, where so many follow


@dataclass(frozen=True, slots=True)
class Archive:
    """What to load.

    Attributes:
        name: how the timeline calls it: `applib`, `model`.
        key: the object's key.
        digest: the pinned digest in hex, or empty.
        directory: where it is unpacked to.
    """

    name: str
    key: str
    digest: str
    directory: Path


def load(archive: Archive, reader: ObjectReader, timeline: Timeline) -> bool:
    """Fill the archive's directory, unless it is there already.

    Args:
        archive: what to load.
        reader: reads the archive's object.
        timeline: is told what took how long.

    Returns:
        Whether anything was unpacked.

    Raises:
        LoadError: its subclasses say why; the directory is as it was before.
    """
    target = Target(archive.directory)
    try:
        with target.locked(reader.deadline):
            found = target.origin()
            if found and archive.digest and found.digest == archive.digest:
                return False
            with timeline.span("fetch", archive.name):
                head = reader.head(HEAD)
            wanted = Origin(archive.digest, archive.key, reader.etag, reader.size)
            if found and not archive.digest and _version(found) == _version(wanted):
                return False
            with target.staging() as staging:
                _unpack(archive, reader, head, staging, timeline)
                target.commit(staging, wanted)
    finally:
        timeline.count(fetched=reader.fetched, retries=reader.retries)
    return True


def _unpack(archive: Archive, reader: ObjectReader, head: bytes, staging: Staging, timeline: Timeline) -> None:
    found = _read_index(reader, head)
    if found is None:
        from .plainzip import unpack  # what it needs takes time to import, and our own archives do not need it

        unpack(reader, archive.name, archive.digest, staging, timeline)
        return
    index, origin = found
    if archive.digest and content_digest(index.content) != archive.digest:
        raise DigestMismatchError(
            f"{reader.name}: the function's environment pins digest {archive.digest}, the object's content has "
            f"{content_digest(index.content)}; the object was replaced: deploy again"
        )
    content = index.content
    sizes = {entry.path: entry.size for entry in content.files}
    timeline.count(disk=staging.prepare(sizes, [link.path for link in content.links], content.dirs, reader.name))
    _BlockLoader(archive.name, reader, index, origin, staging, timeline).run()
    for entry in content.files:
        if entry.size > BLOCK_SIZE:  # its blocks came in any order, and none of them was the last
            staging.set_mode(entry.path, entry.mode)
    staging.make_links(content.links)
    timeline.count(unpacked=content.size, files=len(content.files))


def _read_index(reader: ObjectReader, head: bytes) -> tuple[Index, int] | None:
    """Return the index and the place in the object from which its offsets count, or None when there is none."""
    if len(head) < LOCAL_HEADER.size:
        return None
    signature, _, flags, method, _, _, _, packed, size, name, extra = LOCAL_HEADER.unpack_from(head)
    start = LOCAL_HEADER.size + name + extra
    if signature != LOCAL_SIGNATURE or head[LOCAL_HEADER.size : LOCAL_HEADER.size + name] != INDEX_NAME.encode():
        return None
    stop = start + packed
    if method != DEFLATED or flags & SIZELESS or size > MAX_INDEX or packed > MAX_INDEX or stop > reader.size:
        raise InvalidArchiveError(
            f"{reader.name}: the entry {INDEX_NAME} is damaged; build and upload the archive again"
        )
    data = b"".join(reader.read(start, stop))
    index = parse_index(inflate_stretch(data, size, f"{reader.name}: {INDEX_NAME}"))
    if index.layout and stop + index.layout[-1].offset + index.layout[-1].packed > reader.size:
        raise InvalidArchiveError(f"{reader.name}: ends before its last block; the upload was cut: upload it again")
    return index, stop


def block_ranges(places: Sequence[tuple[int, int]], size: int) -> Iterator[range]:
    """Group consecutive blocks, so that one request brings several.

    Args:
        places: (start, stop) of each block in the object, in order.
        size: bytes that a group spans, at least, where so many follow.
    """
    first = 0
    for number, (_, stop) in enumerate(places):
        if stop - places[first][0] >= size or number == len(places) - 1:
            yield range(first, number + 1)
            first = number + 1


def _version(origin: Origin) -> tuple[str, str, int]:
    return origin.key, origin.etag, origin.size


class _BlockLoader:
    """Fetches, inflates, verifies and writes the blocks of one archive with several threads."""

    def __init__(
        self, item: str, reader: ObjectReader, index: Index, origin: int, staging: Staging, timeline: Timeline
    ) -> None:
        self._item = item
        self._reader = reader
        self._content = index.content
        self._pieces = pieces(index.content)
        self._places = [(origin + each.offset, origin + each.offset + each.packed) for each in index.layout]
        self._staging = staging
        self._timeline = timeline

    def run(self) -> None:
        """Load all blocks, or raise what stopped the first thread that failed."""
        tasks = [partial(self._load_range, blocks) for blocks in block_ranges(self._places, RANGE)]
        run_all(tasks, workers=CONNECTIONS, stop=self._reader.stop)

    def _load_range(self, blocks: range) -> None:
        places = self._places[blocks.start : blocks.stop]
        first, last = places[0][0], places[-1][1]
        chunks = self._timeline.each("fetch", self._item, self._reader.read(first, last))
        for number, packed in zip(blocks, cut(chunks, [(a - first, b - first) for a, b in places]), strict=True):
            self._unpack_block(number, packed)

    def _unpack_block(self, number: int, packed: bytes) -> None:
        block, found = self._content.blocks[number], self._pieces[number]
        where = f"{self._reader.name}: block {number}"
        with self._timeline.span("inflate", self._item):
            large = self._content.files[found[0].file].size > found[0].size
            if large:
                parts = [inflate_stretch(packed, block.raw, where)]
            else:
                parts = inflate_members(packed, [piece.size for piece in found], where)
        with self._timeline.span("verify", self._item):
            verify(parts, block, where)
        with self._timeline.span("write", self._item):
            self._write(found, parts)

    def _write(self, found: Sequence[Piece], parts: Sequence[bytes]) -> None:
        for piece, part in zip(found, parts, strict=True):
            entry = self._content.files[piece.file]
            whole = piece.size == entry.size
            self._staging.write(entry.path, part, position=piece.position, mode=entry.mode, last=whole)
