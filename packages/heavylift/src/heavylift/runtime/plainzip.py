"""Unpacks a zip that other tools made: central directory from the tail, then one pass over the whole object.

Several connections at once read the object in order, and one thread cuts it into entries, inflates, checks each CRC-32
and writes. Nothing is held but a few windows of the object. When a digest is pinned, it is the sha256 of the whole
object, taken in the same pass; the destination is committed after it.

Only stored and deflated entries are read. The central directory is judged before the first byte is written; what a
local header or the data say differently is refused when it comes by.
"""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heavylift.contracts.archive import Link
from heavylift.contracts.failures import DigestMismatchError, InvalidArchiveError
from heavylift.contracts.paths import MAX_PATH, check_link, check_names, check_path
from heavylift.runtime.deflate import DeflateError, inflater
from heavylift.runtime.destination import OWNER_WRITES, DirectoryWriter
from heavylift.runtime.inflate import DEFLATED, LOCAL_HEADER, LOCAL_SIGNATURE, STORED
from heavylift.runtime.store import ObjectReader
from heavylift.runtime.timeline import Timeline

CONNECTIONS = 6  # requests at once
WINDOW = 4 * 1024 * 1024  # bytes that one request asks for
TAIL = 256 * 1024  # bytes; one request brings the central directory of most zips
MAX_DIRECTORY = 64 * 1024 * 1024  # bytes of central directory; about half a million entries
STEP = 1024 * 1024  # bytes inflated at a time
ENCRYPTED = 0x1 | 0x40 | 0x2000  # APPNOTE.TXT 4.4.4: bits 0, 6 and 13 of the flags
UTF_8 = 0x800  # APPNOTE.TXT 4.4.4: bit 11 of the flags, the name is UTF-8
UNIX = 3  # APPNOTE.TXT 4.4.2: the attributes are those of Unix
DEFAULT_MODE = 0o644  # of entries that carry none


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the central directory, judged.

    Attributes:
        path: where it goes, relative.
        name: as the local header must repeat it.
        kind: of the file's mode: `stat.S_IFREG`, `S_IFDIR` or `S_IFLNK`.
        mode: permission bits.
        method: of compression.
        offset: of its local header, in bytes from the start of the object.
        packed: bytes of its data.
        size: bytes when inflated.
        crc: CRC-32 of those.
    """

    path: str
    name: str
    kind: int
    mode: int
    method: int
    offset: int
    packed: int
    size: int
    crc: int


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


def read_directory(reader: ObjectReader) -> list[Entry]:
    """Read and check the central directory; return its entries in the order of the object.

    Raises:
        InvalidArchiveError: not a zip, or one that no honest tool makes.
        StoreError: the object could not be read.
    """
    try:
        with zipfile.ZipFile(_Tail(reader)) as archive:
            entries = [_judge(info, reader.name) for info in archive.infolist()]
            end = archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError, OSError) as error:
        raise InvalidArchiveError(
            f"{reader.name}: not a zip that can be read ({error}); upload a .zip, or let `heavylift build` make one"
        ) from error
    kinds: dict[int, list[str]] = {stat.S_IFREG: [], stat.S_IFDIR: [], stat.S_IFLNK: []}
    for entry in entries:
        kinds[entry.kind].append(entry.path)
    check_names(kinds[stat.S_IFREG], kinds[stat.S_IFDIR], kinds[stat.S_IFLNK])
    entries.sort(key=lambda entry: entry.offset)
    places = [*(entry.offset for entry in entries), end]
    for entry, stop in zip(entries, places[1:], strict=True):
        if entry.offset + LOCAL_HEADER.size + entry.packed > stop:
            raise _refuse(reader.name, entry.path, "overlaps what follows it")
    return entries


def _judge(info: zipfile.ZipInfo, archive: str) -> Entry:
    folder = info.filename.endswith("/")
    path = info.filename[:-1] if folder else info.filename
    if "\0" in info.orig_filename:
        raise _refuse(archive, info.filename, "its name holds NUL")
    check_path(path, f"{archive}: {info.filename!r}")
    mode = info.external_attr >> 16 if info.create_system == UNIX else 0
    kind = stat.S_IFDIR if folder else stat.S_IFMT(mode) or stat.S_IFREG
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK) or (kind == stat.S_IFDIR) != folder:
        raise _refuse(archive, path, "is neither a file nor a folder nor a symbolic link")
    if info.flag_bits & ENCRYPTED:
        raise _refuse(archive, path, "is encrypted")
    if info.compress_type not in (STORED, DEFLATED):
        raise _refuse(archive, path, f"is compressed by method {info.compress_type}; only deflate is read")
    if info.compress_type == STORED and info.compress_size != info.file_size:
        raise _refuse(archive, path, "is stored, and has two sizes")
    if stat.S_ISLNK(kind) and info.file_size > MAX_PATH:
        raise _refuse(archive, path, "is a link with a target that is too long")
    return Entry(
        path=path,
        name=info.orig_filename,
        kind=kind,
        mode=stat.S_IMODE(mode) & 0o777 or DEFAULT_MODE,
        method=info.compress_type,
        offset=info.header_offset,
        packed=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
    )


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
            raise _refuse(self._name, entry.path, "is another file in its local header than in the central directory")
        cursor.take(extra)
        size, crc = 0, 0
        for raw in self._inflate(cursor.each(entry.packed), entry):
            size, crc = size + len(raw), zlib.crc32(raw, crc)
            if size > entry.size:
                break
            yield raw
        if size != entry.size:
            raise _refuse(self._name, entry.path, f"inflates to another size than the {entry.size} bytes announced")
        if crc != entry.crc:
            raise _refuse(self._name, entry.path, f"is damaged: CRC-32 {entry.crc:08x} announced, {crc:08x} found")

    def _inflate(self, chunks: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
        if entry.method == STORED:
            yield from chunks
            return
        stream = inflater()
        for chunk in chunks:
            if stream.eof:
                raise _refuse(self._name, entry.path, "goes on behind its end")
            data, raw = chunk, b""
            while data or len(raw) == STEP:
                with self._timeline.span("unpack", self._item):
                    try:
                        raw = stream.decompress(data, STEP)
                    except DeflateError as error:
                        raise _refuse(self._name, entry.path, f"is damaged: {error}") from error
                data = b"" if stream.eof else stream.unconsumed_tail
                yield raw
        if not stream.eof or stream.unused_data:
            raise _refuse(self._name, entry.path, "does not end where the central directory says")

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


class _Tail(io.RawIOBase):
    """The object as a file, for `zipfile` to find the central directory in."""

    def __init__(self, reader: ObjectReader) -> None:
        super().__init__()
        self._reader = reader
        self._start = max(0, reader.size - TAIL)
        self._tail = b"".join(reader.read(self._start, reader.size))
        self._position = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}[whence]
        if base + offset < 0:
            raise OSError(f"position {base + offset} is before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = min(self._position, self._reader.size)
        stop = self._reader.size if size < 0 else min(start + size, self._reader.size)
        if stop - start > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a central directory of more than {MAX_DIRECTORY} bytes")
        self._position = stop
        if start >= self._start:
            return self._tail[start - self._start : stop - self._start]
        return b"".join(self._reader.read(start, stop))


def _refuse(archive: str, path: str, found: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"{archive}: {path!r} {found}; pack the archive again")
