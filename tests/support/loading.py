"""A small writer of archives and a store in memory that misbehaves on request, for tests of the loader."""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import zstandard

from heavylift.contracts.archive import BLOCK_SIZE, INDEX_NAME, SUFFIX, Block, Content, FileEntry, Index, Layout, Link
from heavylift.contracts.failures import ObjectChangedError, ObjectNotFoundError, TransientStoreError
from heavylift.contracts.index import content_digest, dump_index
from heavylift.contracts.packaged import PlacedIndex
from heavylift.runtime.load import load
from heavylift.runtime.retries import Deadline, RetryPolicy
from heavylift.runtime.settings import Archive
from heavylift.runtime.store import Body, ObjectReader, Store
from heavylift.runtime.timeline import Timeline


@dataclass(frozen=True)
class Packed:
    """An archive, and its properties that tests ask for."""

    data: bytes
    index: Index
    origin: int  # where the offsets of the layout count from

    @property
    def digest(self) -> str:
        return content_digest(self.index.content)

    @property
    def placed(self) -> PlacedIndex:
        """What a code package that was built with it knows of it."""
        return PlacedIndex(self.index, self.origin)


@dataclass
class _Writer:
    """Writes entries one behind the other, as any zip tool does."""

    data: bytearray = field(default_factory=bytearray)
    directory: bytearray = field(default_factory=bytearray)
    count: int = 0

    def add(self, name: str, packed: bytes, mode: int) -> int:
        """Add an entry; return the offset of its data."""
        encoded, crc = f"{name}{SUFFIX}".encode(), zlib.crc32(packed)
        common = struct.pack("<4H3L2H", 0x800, 0, 0, 33, crc, len(packed), len(packed), len(encoded), 0)
        self.directory += b"PK\1\2" + struct.pack("<HH", 0x0314, 20) + common
        self.directory += struct.pack("<3H2L", 0, 0, 0, (0o100000 | mode) << 16, len(self.data)) + encoded
        self.data += b"PK\3\4" + struct.pack("<H", 20) + common + encoded
        self.count += 1
        start = len(self.data)
        self.data += packed
        return start

    def finish(self) -> bytes:
        start = len(self.data)
        end = struct.pack("<4H2LH", 0, 0, self.count, self.count, len(self.directory), start, 0)
        return bytes(self.data + self.directory + b"PK\5\6" + end)


def pack(
    files: Mapping[str, bytes],
    *,
    links: tuple[Link, ...] = (),
    dirs: tuple[str, ...] = (),
    modes: Mapping[str, int] | None = None,
    group: int = BLOCK_SIZE,
    eager: int = 0,
    change: Callable[[Index], bytes] = dump_index,
) -> Packed:
    """Pack files into an archive with an index.

    Args:
        files: path and content.
        links: symbolic links.
        dirs: directories that hold nothing.
        modes: permission bits, where they are not 0o644.
        group: bytes of small files in a block, at most.
        eager: how many of the first files must be there before any of them is used.
        change: makes the index's bytes; a hostile one lies.
    """
    modes = modes or {}
    body = _Writer()
    entries: list[FileEntry] = []
    blocks: list[Block] = []
    layout: list[Layout] = []
    shared: list[tuple[str, bytes]] = []

    def close() -> None:
        if not shared:
            return
        offset, begin = 0, len(body.data)
        for path, raw in shared:
            entries.append(FileEntry(path, modes.get(path, 0o644), len(raw), len(blocks), offset))
            body.add(path, frame(raw), modes.get(path, 0o644))
            offset += len(raw)
        blocks.append(Block(offset, hashlib.sha256(body.data[begin:]).hexdigest()))
        layout.append(Layout(begin, len(body.data) - begin))
        shared.clear()

    for path, raw in files.items():
        if len(raw) <= BLOCK_SIZE:
            if sum(len(each) for _, each in shared) + len(raw) > group:
                close()
            shared.append((path, raw))
            continue
        close()
        entries.append(FileEntry(path, modes.get(path, 0o644), len(raw), len(blocks), 0))
        parts = [raw[start : start + BLOCK_SIZE] for start in range(0, len(raw), BLOCK_SIZE)]
        packed = [frame(part) for part in parts]
        offset = body.add(path, b"".join(packed), modes.get(path, 0o644))
        for part, stretch in zip(parts, packed, strict=True):
            blocks.append(Block(len(part), hashlib.sha256(stretch).hexdigest()))
            layout.append(Layout(offset, len(stretch)))
            offset += len(stretch)
    close()
    index = Index(Content(tuple(entries), tuple(blocks), min(eager, len(entries)), dirs, links), tuple(layout))
    return _with_index(index, files, modes, change)


def _with_index(
    index: Index, files: Mapping[str, bytes], modes: Mapping[str, int], change: Callable[[Index], bytes]
) -> Packed:
    raw = change(index)
    writer = _Writer()
    packed = frame(raw)
    origin = writer.add(INDEX_NAME, packed, 0o644) + len(packed)
    for path, content in files.items():
        parts = [content[start : start + BLOCK_SIZE] for start in range(0, len(content), BLOCK_SIZE)] or [b""]
        writer.add(path, b"".join(map(frame, parts)), modes.get(path, 0o644))
    return Packed(writer.finish(), index, origin)


def frame(raw: bytes) -> bytes:
    """Compress a part of a file."""
    return zstandard.ZstdCompressor(1).compress(raw)


def read_entry(archive: zipfile.ZipFile, path: str) -> bytes:
    """Return the content of a file as public tools read it: out of the zip, through zstd."""
    packed = io.BytesIO(archive.read(f"{path}{SUFFIX}"))
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()


def read_files(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the content of all files by path; the index is left out."""
    names = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
    return {name: read_entry(archive, name) for name in names if name != INDEX_NAME}


class MemoryStore:
    """Objects in memory.

    Attributes:
        objects: content by key; a test may replace one at any time.
        chunk: bytes of each chunk.
        reads: (key, start, stop) of each request so far.
    """

    def __init__(self, objects: Mapping[str, bytes], *, chunk: int = 65536) -> None:
        self.objects = dict(objects)
        self.chunk = chunk
        self.reads: list[tuple[str, int, int]] = []

    def describe(self, key: str) -> str:
        return f"memory://{key}"

    def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
        return partial(self.read, key, start, stop, etag, seconds)

    def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
        self.reads.append((key, start, stop))
        if key not in self.objects:
            raise ObjectNotFoundError(f"{self.describe(key)}: NoSuchKey")
        data = self.objects[key]
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if etag not in (None, found):
            raise ObjectChangedError(f"{self.describe(key)}: PreconditionFailed")
        part = data[start:stop]
        chunks = (part[place : place + self.chunk] for place in range(0, len(part), self.chunk))
        return Body(len(data), found, self.on_chunks(chunks))

    def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Let a subclass misbehave."""
        return chunks


class FailsAt(MemoryStore):
    """Fails at the n-th request, answer or chunk, once or from then on.

    Attributes:
        fired: whether it failed.
    """

    def __init__(self, n: int, objects: Mapping[str, bytes], *, persistent: bool = False, chunk: int = 65536) -> None:
        super().__init__(objects, chunk=chunk)
        self._left = n
        self._persistent = persistent
        self._lock = threading.Lock()
        self.fired = False

    def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
        self._step()
        return super().ask(key, start, stop, etag, seconds)

    def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
        self._step()
        return super().read(key, start, stop, etag, seconds)

    def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._step()
            yield chunk

    def _step(self) -> None:
        with self._lock:
            self._left -= 1
            fails = self._left == 0 or (self._persistent and self._left < 0)
            self.fired = self.fired or fails
        if fails:
            raise TransientStoreError("the connection was reset")


def reader_of(store: Store, key: str = "a.zip", *, seconds: float = 60.0, attempts: int = 3) -> ObjectReader:
    """Return a reader that does not wait between its tries."""
    return ObjectReader(store, key, Deadline(seconds), RetryPolicy(attempts=attempts), sleep=lambda _: None)


def load_from(
    store: Store,
    directory: Path,
    *,
    digest: str = "",
    key: str = "a.zip",
    packaged: PlacedIndex | None = None,
    before: Callable[[], None] | None = None,
) -> bool:
    """Load one archive; return whether anything was unpacked."""
    archive = Archive("applib", key, digest, directory)
    return load(archive, reader_of(store, key), Timeline(), packaged=packaged, before=before)


def tree(root: Path) -> dict[str, bytes | str | None]:
    """Return a directory's content: bytes of files, targets of links, None for directories; the marker is left out."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.split("/")[0] == ".heavylift":
            continue
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found
