"""Writes archives: a plain zip whose index lets a loader fetch, verify and inflate blocks on their own.

The format is that of docs/reference/contracts.md, section 1, and its values are those of `heavylift.contracts.archive`. Blocks are
compressed on all cores; the bytes of the archive do not depend on how many there are.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import zstandard

from heavylift.build.errors import BuildError
from heavylift.build.order import Order
from heavylift.build.reuse import Pieces, open_pieces
from heavylift.contracts.archive import (
    BLOCK_SIZE,
    INDEX_NAME,
    SUFFIX,
    Block,
    Content,
    FileEntry,
    Index,
    Layout,
    Link,
    content_digest,
    dump_index,
)
from heavylift.contracts.failures import LoadError

LEVEL = 9  # zstd's: 19 packs 1 % smaller and takes twenty times as long; 3 packs 7 % larger, for each start to fetch
# What decides, with the files, an archive's bytes.
COMPRESSOR = f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}, level {LEVEL}"
WORKERS = os.cpu_count() or 1
PAGE = 4096  # bytes; what a file system gives out at a time
_DATE = 33  # 1980-01-01, the first day that a zip can name
_LIMIT32, _LIMIT16 = 0xFFFFFFFF, 0xFFFF  # above them, a zip needs its 64-bit fields (APPNOTE.TXT, 4.3.9, 4.4, 4.5.3)
_STORED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedArchive:
    """An archive that was written."""

    path: Path
    digest: str  # of its content, sha256 in hex
    packed: int  # bytes
    unpacked: int  # bytes on disk, in whole pages
    files: int
    raw: int  # bytes of all files
    anew: int  # bytes of them that were compressed; the others lay so in the last archive
    sizes: dict[str, int]  # packed bytes of each file


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the zip."""

    name: bytes
    mode: int  # with the file's type
    crc: int
    size: int  # bytes of its data
    offset: int  # of its local header, in bytes from the start of the body
    wide: bool = False  # its size stands in 64 bits

    def _common(self) -> bytes:
        size = _LIMIT32 if self.wide else self.size
        return struct.pack("<HHHHHLLL", 45 if self.wide else 20, 0x800, _STORED, 0, _DATE, self.crc, size, size)

    def local_header(self) -> bytes:
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.size) if self.wide else b""
        return b"PK\3\4" + self._common() + struct.pack("<HH", len(self.name), len(extra)) + self.name + extra

    def central_record(self, origin: int) -> bytes:
        offset = origin + self.offset
        large = [self.size, self.size] if self.wide else []
        if offset >= _LIMIT32:
            large.append(offset)
        extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        return (
            b"PK\1\2"
            + struct.pack("<H", 0x0300 | 45)
            + self._common()
            + struct.pack("<HHHHHLL", len(self.name), len(extra), 0, 0, 0, self.mode << 16, min(offset, _LIMIT32))
            + self.name
            + extra
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A file to pack."""

    source: Path
    path: str  # below the folder
    mode: int  # permission bits
    size: int  # bytes

    def entry(self, crc: int, size: int, offset: int) -> _Entry:
        """Return the entry that holds it; its header is as long whatever the packed size."""
        name, mode = f"{self.path}{SUFFIX}".encode(), stat.S_IFREG | self.mode
        return _Entry(name, mode, crc, size, offset, wide=self.size >= _LIMIT32)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A compressed block: of one large file's stretch, or of several small files."""

    raw: int  # bytes
    frames: tuple[bytes, ...]  # of each small file; or of the stretch
    anew: int  # raw bytes that had to be compressed


@dataclass(slots=True)
class _Body:
    """The archive behind its index, as it grows."""

    file: BinaryIO
    entries: list[_Entry] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    layout: list[Layout] = field(default_factory=list)
    files: list[FileEntry] = field(default_factory=list)

    def add(self, entry: _Entry, data: bytes) -> None:
        self.file.write(entry.local_header() + data)
        self.entries.append(entry)


def pack(
    folder: Path,
    target: Path,
    *,
    progress: Callable[[int, int], None],
    level: int = LEVEL,
    order: Order | None = None,
    last: Path | None = None,
) -> PackedArchive:
    """Pack a folder.

    Args:
        folder: what to pack; permission bits and links are kept, times and owners are not.
        target: where the archive goes; written beside it and renamed, under the name that `{digest}` in it becomes.
        progress: called with the number of raw bytes done, and of all.
        level: zstd's compression level.
        order: of the files; those that it does not name stay out. None: all of them, none to be used before all are there.
        last: an archive that the same compressor packed at the same level: what it holds is not compressed again.

    Raises:
        BuildError: the folder holds what an archive cannot (a socket, a link out of it, a path that no loader takes).
    """
    files, links, dirs = _survey(folder)
    if order is not None:
        known = {file.path: file for file in files}
        files = [known[path] for path in order.paths]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=target.parent) as body_file:
        body = _Body(body_file)
        total, done, anew = sum(file.size for file in files), 0, 0
        with open_pieces(last) as pieces, ThreadPoolExecutor(WORKERS) as pool:
            for block in _write_files(body, files, pool, _Compressor(level, pieces)):
                done += block.raw
                anew += block.anew
                progress(done, total)
        for link in links:
            body.add(*_plain_entry(body, link.path, link.target.encode(), stat.S_IFLNK | 0o777))
        for name in dirs:
            body.add(*_plain_entry(body, name + "/", b"", stat.S_IFDIR | 0o755))
        eager = len(files) if order is None else order.eager
        content = Content(tuple(body.files), tuple(body.blocks), eager, tuple(dirs), tuple(links))
        try:
            index = dump_index(Index(content, tuple(body.layout)))
        except LoadError as error:
            raise BuildError(f"{folder} cannot be packed: {error}") from error
        digest = content_digest(content)
        final = target.with_name(target.name.format(digest=digest))
        packed = _write_archive(final, index, body)
    sizes = {entry.name.decode().removesuffix(SUFFIX): entry.size for entry in body.entries}
    return PackedArchive(
        path=final,
        digest=digest,
        packed=packed,
        unpacked=sum(-(-file.size // PAGE) * PAGE for file in files),
        files=len(files),
        raw=total,
        anew=anew,
        sizes=sizes,
    )


def compress(raw: bytes, level: int = LEVEL) -> bytes:
    """Return a frame that inflates to these bytes.

    Args:
        raw: the bytes.
        level: zstd's compression level.
    """
    return zstandard.ZstdCompressor(level).compress(raw)


def _survey(folder: Path) -> tuple[list[_File], list[Link], list[str]]:
    files, links, dirs = [], [], []
    for path in sorted(folder.rglob("*"), key=lambda each: each.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            links.append(Link(name, os.readlink(path)))  # noqa: PTH115 - a Path would normalise the target
        elif stat.S_ISREG(status.st_mode):
            mode = 0o755 if status.st_mode & 0o111 else 0o644  # the rest depends on who built it, and under which umask
            files.append(_File(path, name, mode, status.st_size))
        elif stat.S_ISDIR(status.st_mode):
            if not any(path.iterdir()):
                dirs.append(name)
        else:
            raise BuildError(f"{path} is neither a file, a folder nor a link; remove it")
    # Large files first: they take longest, and a start that waits for the last block of one has nothing else to do.
    return sorted(files, key=lambda file: (file.size <= BLOCK_SIZE, file.path)), links, dirs


def _write_files(
    body: _Body, files: Sequence[_File], pool: ThreadPoolExecutor, compressor: _Compressor
) -> Iterator[_Packed]:
    """Compress blocks in the pool, a few ahead, and write them in order."""
    waiting: deque[tuple[tuple[_File, ...], int, Future[_Packed]]] = deque()
    pending = _jobs(files)
    begun: dict[str, _Large] = {}
    while True:
        while len(waiting) < 3 * WORKERS and (job := next(pending, None)):
            members, start = job
            task = compressor.stretch if members[0].size > BLOCK_SIZE else compressor.group
            waiting.append((members, start, pool.submit(task, members, start)))
        if not waiting:
            return
        members, start, future = waiting.popleft()
        packed = future.result()
        if members[0].size > BLOCK_SIZE:
            begun.setdefault(members[0].path, _Large(members[0])).write(body, packed, start)
        else:
            _write_group(body, members, packed)
        yield packed


def _jobs(files: Iterable[_File]) -> Iterator[tuple[tuple[_File, ...], int]]:
    """Yield each block's files and where it starts in them."""
    group: list[_File] = []
    for file in files:
        if group and (file.size > BLOCK_SIZE or sum(each.size for each in group) + file.size > BLOCK_SIZE):
            yield tuple(group), 0
            group = []
        if file.size > BLOCK_SIZE:
            yield from (((file,), start) for start in range(0, file.size, BLOCK_SIZE))
        else:
            group.append(file)
    if group:
        yield tuple(group), 0


@dataclass(frozen=True, slots=True)
class _Compressor:
    """Compresses blocks, or takes their frames from the last archive where they are the same."""

    level: int  # zstd's
    pieces: Pieces

    def stretch(self, members: tuple[_File, ...], start: int) -> _Packed:
        """Compress a stretch of a large file."""
        file = members[0]
        with file.source.open("rb") as source:
            source.seek(start)
            raw = source.read(BLOCK_SIZE)
        found = self.pieces.find(file.path, start, raw)
        frame = found or compress(raw, self.level)
        return _Packed(len(raw), (frame,), 0 if found else len(raw))

    def group(self, members: tuple[_File, ...], _start: int) -> _Packed:
        """Compress small files."""
        engine, frames, size, anew = zstandard.ZstdCompressor(self.level), [], 0, 0
        for file in members:
            raw = file.source.read_bytes()
            found = self.pieces.find(file.path, 0, raw)
            frames.append(found or engine.compress(raw))
            size += len(raw)
            anew += 0 if found else len(raw)
        return _Packed(size, tuple(frames), anew)


def _write_group(body: _Body, members: tuple[_File, ...], packed: _Packed) -> None:
    begin, inside, digest = body.file.tell(), 0, hashlib.sha256()
    for file, frame in zip(members, packed.frames, strict=True):
        body.files.append(FileEntry(file.path, file.mode, file.size, len(body.blocks), inside))
        inside += file.size
        entry = file.entry(zlib.crc32(frame), len(frame), body.file.tell())
        digest.update(entry.local_header() + frame)
        body.add(entry, frame)
    body.blocks.append(Block(packed.raw, digest.hexdigest()))
    body.layout.append(Layout(begin, body.file.tell() - begin))


@dataclass(slots=True)
class _Large:
    """A large file on its way into the body: its header is written at the end, when its packed size is known."""

    file: _File
    crc: int = 0  # of the frames so far
    header: int = 0  # where its local header stands

    def write(self, body: _Body, packed: _Packed, start: int) -> None:
        if start == 0:
            self.header = body.file.tell()
            body.files.append(FileEntry(self.file.path, self.file.mode, self.file.size, len(body.blocks), 0))
            body.file.write(self.file.entry(0, 0, 0).local_header())
        (frame,) = packed.frames
        self.crc = zlib.crc32(frame, self.crc)
        body.blocks.append(Block(packed.raw, hashlib.sha256(frame).hexdigest()))
        body.layout.append(Layout(body.file.tell(), len(frame)))
        body.file.write(frame)
        if start + packed.raw == self.file.size:
            end = body.file.tell()
            data = self.header + len(self.file.entry(0, 0, 0).local_header())
            entry = self.file.entry(self.crc, end - data, self.header)
            body.entries.append(entry)
            body.file.seek(self.header)
            body.file.write(entry.local_header())
            body.file.seek(end)


def _plain_entry(body: _Body, name: str, data: bytes, mode: int) -> tuple[_Entry, bytes]:
    return _Entry(name.encode(), mode, zlib.crc32(data), len(data), body.file.tell()), data


def _write_archive(target: Path, index: bytes, body: _Body) -> int:
    frame = compress(index)
    first = _Entry(f"{INDEX_NAME}{SUFFIX}".encode(), stat.S_IFREG | 0o644, zlib.crc32(frame), len(frame), 0)
    head = first.local_header() + frame
    temporary = target.with_name(target.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(head)
            body.file.seek(0)
            shutil.copyfileobj(body.file, file, 1024 * 1024)
            start = file.tell()
            file.write(first.central_record(0))
            for entry in body.entries:
                file.write(entry.central_record(len(head)))
            file.write(_end(len(body.entries) + 1, start, file.tell() - start))
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
        min(size, _LIMIT32),
        min(start, _LIMIT32),
        0,
    )
    if count < _LIMIT16 and start < _LIMIT32 and size < _LIMIT32:
        return classic
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 0x0300 | 45, 45, 0, 0, count, count, size, start)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1) + classic
