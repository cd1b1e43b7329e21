"""Writes archives: a plain zip whose index lets a loader fetch, verify and inflate blocks on their own.

The format is that of docs/reference/contracts.md, section 1, and its values are those of `function.coldstart.archive`. Blocks are
deflated on all cores; the bytes of the archive do not depend on how many there are.
"""

from __future__ import annotations

import hashlib
import mmap
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

from function.coldstart.archive import (
    BLOCK_SIZE,
    INDEX_NAME,
    Block,
    Content,
    FileEntry,
    Index,
    Layout,
    Link,
    content_digest,
    dump_index,
)
from function.coldstart.errors import LoadError
from layers_build.errors import BuildError
from layers_build.order import Order
from layers_build.reuse import Pieces, open_pieces

LEVEL = 6  # zlib's: 4 points smaller than isal's best, and each start pays for size while a build pays for time once
COMPRESSOR = f"zlib {zlib.ZLIB_RUNTIME_VERSION}, level {LEVEL}"  # decides, with the content, an archive's bytes
WORKERS = os.cpu_count() or 1
PAGE = 4096  # bytes; what a file system gives out at a time
_DATE = 33  # 1980-01-01, the first day that a zip can name
_LIMIT32, _LIMIT16 = 0xFFFFFFFF, 0xFFFF  # above them, a zip needs its 64-bit fields (APPNOTE.TXT, 4.3.9, 4.4, 4.5.3)
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedArchive:
    """An archive that was written."""

    path: Path
    digest: str  # of its content, sha256 in hex
    packed: int  # bytes
    unpacked: int  # bytes on disk, in whole pages
    files: int
    raw: int  # bytes of all files
    deflated: int  # bytes of them that were deflated; the others lay so in the last archive
    sizes: dict[str, int]  # packed bytes of each file


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the zip."""

    name: bytes
    mode: int  # with the file's type
    crc: int
    packed: int
    raw: int
    offset: int  # of its local header, in bytes from the start of the body
    method: int = _DEFLATED

    def _common(self) -> bytes:
        large = max(self.raw, self.packed) >= _LIMIT32
        sizes = (_LIMIT32, _LIMIT32) if large else (self.packed, self.raw)
        return struct.pack("<HHHHHLLL", 45 if large else 20, 0x800, self.method, 0, _DATE, self.crc, *sizes)

    def local_header(self) -> bytes:
        extra = struct.pack("<HHQQ", 1, 16, self.raw, self.packed) if max(self.raw, self.packed) >= _LIMIT32 else b""
        return b"PK\3\4" + self._common() + struct.pack("<HH", len(self.name), len(extra)) + self.name + extra

    def central_record(self, origin: int) -> bytes:
        offset = origin + self.offset
        large = [self.raw, self.packed] if max(self.raw, self.packed) >= _LIMIT32 else []
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
    path: str  # in the archive
    mode: int  # permission bits
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class _Deflated:
    """A deflated block: of one large file's stretch, or of several small files."""

    block: Block
    parts: tuple[
        tuple[bytes, int], ...
    ]  # deflated bytes and CRC-32 of the raw ones, for each small file; or the stretch
    anew: int  # raw bytes that had to be deflated


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
        level: zlib's compression level.
        order: of the files; those that it does not name stay out. None: all of them, none to be used before all are there.
        last: an archive that the same compressor packed at the same level: what it holds is not deflated again.

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
            for deflated in _write_files(body, files, pool, _Deflater(level, pieces)):
                done += deflated.block.raw
                anew += deflated.anew
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
    sizes = {file.path: 0 for file in files}
    for entry in body.entries:
        sizes[entry.name.decode()] = entry.packed
    return PackedArchive(
        path=final,
        digest=digest,
        packed=packed,
        unpacked=sum(-(-file.size // PAGE) * PAGE for file in files),
        files=len(files),
        raw=total,
        deflated=anew,
        sizes=sizes,
    )


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
    body: _Body, files: Sequence[_File], pool: ThreadPoolExecutor, deflater: _Deflater
) -> Iterator[_Deflated]:
    """Deflate blocks in the pool, a few ahead, and write them in order."""
    waiting: deque[tuple[tuple[_File, ...], int, Future[_Deflated]]] = deque()
    pending = _jobs(files)
    begun: dict[str, _Large] = {}
    while True:
        while len(waiting) < 3 * WORKERS and (job := next(pending, None)):
            members, start = job
            task = deflater.stretch if members[0].size > BLOCK_SIZE else deflater.group
            waiting.append((members, start, pool.submit(task, members, start)))
        if not waiting:
            return
        members, start, future = waiting.popleft()
        deflated = future.result()
        if members[0].size > BLOCK_SIZE:
            large = begun.setdefault(members[0].path, _Large(members[0], pool.submit(_crc, members[0])))
            large.write(body, deflated, start)
        else:
            _write_group(body, members, deflated)
        yield deflated


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
class _Deflater:
    """Deflates blocks, or takes what it can from the last archive."""

    level: int  # zlib's
    pieces: Pieces

    def stretch(self, members: tuple[_File, ...], start: int) -> _Deflated:
        """Deflate a stretch of a large file."""
        file = members[0]
        with file.source.open("rb") as source:
            source.seek(start)
            raw = source.read(BLOCK_SIZE)
        digest, last = hashlib.sha256(raw).hexdigest(), start + len(raw) == file.size
        packed = self.pieces.stretch(raw, digest, last=last)
        anew = 0 if packed else len(raw)
        # A full flush ends on a byte and forgets what came before, so that an inflater can begin behind it (RFC 1951).
        packed = packed or self._deflate(raw, zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
        return _Deflated(Block(len(raw), digest), ((packed, 0),), anew)

    def group(self, members: tuple[_File, ...], _start: int) -> _Deflated:
        """Deflate small files."""
        digest, parts, size, anew = hashlib.sha256(), [], 0, 0
        for file in members:
            raw = file.source.read_bytes()
            digest.update(raw)
            size += len(raw)
            crc = zlib.crc32(raw)
            packed = self.pieces.member(raw, crc)
            anew += 0 if packed else len(raw)
            parts.append((packed or self._deflate(raw, zlib.Z_FINISH), crc))
        return _Deflated(Block(size, digest.hexdigest()), tuple(parts), anew)

    def _deflate(self, raw: bytes, end: int) -> bytes:
        engine = zlib.compressobj(self.level, zlib.DEFLATED, -zlib.MAX_WBITS)
        return engine.compress(raw) + engine.flush(end)


def _crc(file: _File) -> int:
    with file.source.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return zlib.crc32(content)


def _write_group(body: _Body, members: tuple[_File, ...], deflated: _Deflated) -> None:
    begin, inside = body.file.tell(), 0
    for file, (packed, crc) in zip(members, deflated.parts, strict=True):
        body.files.append(FileEntry(file.path, file.mode, file.size, len(body.blocks), inside))
        inside += file.size
        name, offset = file.path.encode(), body.file.tell()
        body.add(_Entry(name, stat.S_IFREG | file.mode, crc, len(packed), file.size, offset), packed)
    body.blocks.append(deflated.block)
    body.layout.append(Layout(begin, body.file.tell() - begin))


@dataclass(slots=True)
class _Large:
    """A large file on its way into the body: its header is written at the end, when its packed size is known."""

    file: _File
    crc: Future[int]
    header: int = 0  # where its local header stands

    def write(self, body: _Body, deflated: _Deflated, start: int) -> None:
        if start == 0:
            self.header = body.file.tell()
            body.files.append(FileEntry(self.file.path, self.file.mode, self.file.size, len(body.blocks), 0))
            body.file.write(self._entry(0, 0).local_header())
        packed = deflated.parts[0][0]
        body.blocks.append(deflated.block)
        body.layout.append(Layout(body.file.tell(), len(packed)))
        body.file.write(packed)
        if start + deflated.block.raw == self.file.size:
            end = body.file.tell()
            data = self.header + len(self._entry(0, 0).local_header())
            entry = self._entry(end - data, self.crc.result())
            body.entries.append(entry)
            body.file.seek(self.header)
            body.file.write(entry.local_header())
            body.file.seek(end)

    def _entry(self, packed: int, crc: int) -> _Entry:
        return _Entry(self.file.path.encode(), stat.S_IFREG | self.file.mode, crc, packed, self.file.size, self.header)


def _plain_entry(body: _Body, name: str, data: bytes, mode: int) -> tuple[_Entry, bytes]:
    return _Entry(name.encode(), mode, zlib.crc32(data), len(data), len(data), body.file.tell(), _STORED), data


def _write_archive(target: Path, index: bytes, body: _Body) -> int:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed_index = engine.compress(index) + engine.flush()
    first = _Entry(INDEX_NAME.encode(), stat.S_IFREG | 0o644, zlib.crc32(index), len(packed_index), len(index), 0)
    head = first.local_header() + packed_index
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
