"""Unpacks a zip that other tools made: the central directory first (`zipdirectory`), then one pass over the whole object.

Several connections at once read the object in order, and one thread cuts it into entries, inflates, checks each CRC-32
and writes. Nothing is held but a few windows of the object. When a digest is pinned, it is the sha256 of the whole
object, taken in the same pass; the destination is committed after it.

The central directory is judged before the first byte is written; what a local header or the data say differently is refused when
it comes by.
"""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Iterator, Sequence

from heavylift.contracts.archive import Link
from heavylift.contracts.failures import DigestMismatchError, InvalidArchiveError
from heavylift.contracts.paths import check_link
from heavylift.runtime.deflate import DeflateError, inflater
from heavylift.runtime.store import ObjectReader
from heavylift.runtime.timeline import Timeline
from heavylift.runtime.writer import OWNER_WRITES, DirectoryWriter
from heavylift.runtime.zipdirectory import Entry, read_directory, refused
from heavylift.runtime.zipentry import LOCAL_HEADER, LOCAL_SIGNATURE, STORED

CONNECTIONS = 6  # requests at once
WINDOW = 4 * 1024 * 1024  # bytes that one request asks for
STEP = 1024 * 1024  # bytes inflated at a time
UTF_8 = 0x800  # APPNOTE.TXT 4.4.4: bit 11 of the flags, the name is UTF-8


def unpack(reader: ObjectReader, item: str, digest: str, writer: DirectoryWriter, timeline: Timeline) -> None:
    """Unpack the object into its directory.

    Args:
        reader: reads the object; its size is known.
        item: how the timeline calls it.
        digest: sha256 of the whole object in hex, or empty.
        writer: of the empty directory.
        timeline: is told what took how long.

    Raises:
        LoadError: its subclasses say why.
    """
    with timeline.span("fetch", item):
        entries = read_directory(reader)
    files = {entry.path: entry.size for entry in entries if stat.S_ISREG(entry.kind)}
    folders = [entry.path for entry in entries if stat.S_ISDIR(entry.kind)]
    sources = [entry.path for entry in entries if stat.S_ISLNK(entry.kind)]
    timeline.count(disk=writer.prepare(files, sources, folders, reader.name))
    links = _Pass(reader, item, digest, writer, timeline).run(entries)
    for link in links:
        check_link(link, frozenset(sources))
    writer.make_links(links)
    timeline.count(unpacked=sum(files.values()), files=len(files))


class _Pass:
    """One pass over the object."""

    def __init__(
        self, reader: ObjectReader, item: str, digest: str, writer: DirectoryWriter, timeline: Timeline
    ) -> None:
        self._name = reader.name
        self._size = reader.size
        self._item = item
        self._expected = digest
        self._writer = writer
        self._timeline = timeline
        self._digest = hashlib.sha256()
        self._stream = reader.read_ahead(0, reader.size, window=WINDOW, connections=CONNECTIONS)

    def run(self, entries: Sequence[Entry]) -> list[Link]:
        """Write all files and return the links."""
        links = []
        cursor = _Cursor(self._chunks())
        try:
            for entry in entries:
                cursor.skip_to(entry.offset)
                content = self._content(cursor, entry)
                if stat.S_ISREG(entry.kind):
                    self._write(entry, content)
                else:
                    held = b"".join(content)
                    if stat.S_ISLNK(entry.kind):
                        links.append(Link(entry.path, held.decode("utf-8", "surrogateescape")))
            cursor.skip_to(self._size)
        finally:
            self._stream.close()
        if self._expected and self._digest.hexdigest() != self._expected:
            raise DigestMismatchError(
                f"{self._name}: the function's environment pins sha256 {self._expected}, the object has "
                f"{self._digest.hexdigest()}; it was damaged or replaced: upload it again or deploy again"
            )
        return links

    def _chunks(self) -> Iterator[bytes]:
        for chunk in self._timeline.each("fetch", self._item, self._stream):
            if self._expected:
                with self._timeline.span("verify", self._item):
                    self._digest.update(chunk)
            yield chunk

    def _content(self, cursor: _Cursor, entry: Entry) -> Iterator[bytes]:
        """Yield the entry's content, inflated; raise at its end unless size and CRC-32 are right."""
        signature, _, flags, method, _, _, _, _, _, name, extra = LOCAL_HEADER.unpack(cursor.take(LOCAL_HEADER.size))
        local = cursor.take(name).decode("utf-8" if flags & UTF_8 else "cp437", "replace")
        if signature != LOCAL_SIGNATURE or local != entry.name or method != entry.method:
            raise refused(self._name, entry.path, "is another file in its local header than in the central directory")
        cursor.take(extra)
        size, crc = 0, 0
        for raw in self._inflate(cursor.each(entry.packed), entry):
            size, crc = size + len(raw), zlib.crc32(raw, crc)
            if size > entry.size:
                break
            yield raw
        if size != entry.size:
            raise refused(self._name, entry.path, f"inflates to another size than the {entry.size} bytes announced")
        if crc != entry.crc:
            raise refused(self._name, entry.path, f"is damaged: CRC-32 {entry.crc:08x} announced, {crc:08x} found")

    def _inflate(self, chunks: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
        if entry.method == STORED:
            yield from chunks
            return
        stream = inflater()
        for chunk in chunks:
            if stream.eof:
                raise refused(self._name, entry.path, "goes on behind its end")
            data, raw = chunk, b""
            while data or len(raw) == STEP:
                with self._timeline.span("unpack", self._item):
                    try:
                        raw = stream.decompress(data, STEP)
                    except DeflateError as error:
                        raise refused(self._name, entry.path, f"is damaged: {error}") from error
                data = b"" if stream.eof else stream.unconsumed_tail
                yield raw
        if not stream.eof or stream.unused_data:
            raise refused(self._name, entry.path, "does not end where the central directory says")

    def _write(self, entry: Entry, content: Iterator[bytes]) -> None:
        position = 0
        self._writer.create(entry.path, entry.size, entry.mode)
        for raw in content:
            with self._timeline.span("unpack", self._item):
                self._writer.write(entry.path, raw, position=position)
            position += len(raw)
        if not entry.mode & OWNER_WRITES:
            self._writer.set_mode(entry.path, entry.mode)


class _Cursor:
    """Takes bytes from a stream by their positions, forward only."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")
        self._position = 0

    def skip_to(self, position: int) -> None:
        """Pass over everything before a position."""
        if position < self._position:
            raise InvalidArchiveError(f"entries overlap at byte {position} of the archive; pack it again")
        for _ in self.each(position - self._position):
            pass

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        return b"".join(self.each(size))

    def each(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes as they come."""
        while size:
            if not self._held:
                self._held = memoryview(next(self._chunks, b""))
                if not self._held:
                    raise InvalidArchiveError(
                        f"the archive ends inside an entry, at byte {self._position}; pack it again"
                    )
            part = self._held[:size]
            self._held = self._held[len(part) :]
            self._position += len(part)
            size -= len(part)
            yield bytes(part)
