"""Writes archives: a plain zip whose index lets a loader fetch, verify and inflate blocks on their own.

The format is that of docs/reference/contracts.md, section 1, and its values are those of `heavylift.contracts.archive`. Blocks are
compressed on all cores; the bytes of the archive do not depend on how many there are.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import zstandard

from heavylift.build.binaries import WORKERS
from heavylift.build.cuts import CODE_BLOCK, Paged, Span, cut, cut_hot
from heavylift.build.errors import BuildError
from heavylift.build.files import find_empty, walk
from heavylift.build.frames import Frames, Stretch
from heavylift.build.order import Order
from heavylift.build.reuse import Pieces, open_pieces
from heavylift.build.zips import LIMIT32, Entry, write_zip
from heavylift.contracts.archive import BLOCK_SIZE, INDEX_NAME, SUFFIX, Block, Content, FileEntry, Index, Layout, Link
from heavylift.contracts.failures import LoadError
from heavylift.contracts.index import content_digest, dump_index
from heavylift.contracts.pages import HOT, PAGE, Library
from heavylift.runtime.writer import allocated

LEVEL = 9  # zstd's: 19 packs 1 % smaller and takes twenty times as long; 3 packs 7 % larger, for each start to fetch
# What decides, with the files, an archive's bytes.
COMPRESSOR = f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}, level {LEVEL}"


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
class _File:
    """A file to pack."""

    source: Path
    path: str  # below the folder
    mode: int  # permission bits
    size: int  # bytes

    def entry(self, crc: int, size: int, offset: int) -> Entry:
        """Return the entry that holds it; its header is as long whatever the packed size."""
        name, mode = f"{self.path}{SUFFIX}".encode(), stat.S_IFREG | self.mode
        return Entry(name, mode, crc, size, offset, wide=self.size >= LIMIT32)


@dataclass(frozen=True, slots=True)
class _Group:
    """A block of small files."""

    files: tuple[_File, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A block of a large entry.

    Attributes:
        entry: a large file, or the hot pages of one, under the name that they have in the zip.
        spans: of the source.
        start: bytes of the entry before it.
        hot: whether it holds hot pages: then the file itself follows.
    """

    entry: _File
    spans: tuple[Span, ...]
    start: int
    hot: bool = False


_Job = _Group | _Stretch


@dataclass(frozen=True, slots=True)
class _Packed:
    """A compressed block."""

    raw: int  # bytes
    frames: tuple[bytes, ...]  # of each small file; or of the stretch
    anew: int  # raw bytes that had to be compressed


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """The content of an archive, before it is packed."""

    files: Sequence[_File]  # in the order of their blocks
    links: Sequence[Link]
    dirs: Sequence[str]  # empty ones
    libraries: Mapping[str, Paged]  # by path, those whose pages may come one by one
    code_block: int  # bytes of their code in a block
    eager: int  # files at the beginning that are needed before the others
    used: int | None  # files at the beginning that a recorded start used; None: it is not known of any

    @property
    def raw(self) -> int:
        """Bytes to pack: hot pages are packed twice."""
        pages = sum(run.count for library in self.libraries.values() for run in library.hot)
        return sum(file.size for file in self.files) + PAGE * pages


@dataclass(slots=True)
class _Body:
    """The archive behind its index, as it grows."""

    file: BinaryIO
    entries: list[Entry] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    layout: list[Layout] = field(default_factory=list)
    files: list[FileEntry] = field(default_factory=list)

    def add(self, entry: Entry, data: bytes) -> None:
        self.file.write(entry.local_header() + data)
        self.entries.append(entry)

    def add_plain(self, name: str, data: bytes, mode: int) -> None:
        """Add an entry that is not compressed."""
        self.add(Entry(name.encode(), mode, zlib.crc32(data), len(data), self.file.tell()), data)

    def content(self, plan: _Plan) -> Content:
        """Return the content of the plan, all of which was added."""
        paged = [(number, plan.libraries.get(entry.path)) for number, entry in enumerate(self.files)]
        return Content(
            files=tuple(self.files),
            blocks=tuple(self.blocks),
            eager=plan.eager,
            dirs=tuple(plan.dirs),
            links=tuple(plan.links),
            libraries=tuple(Library(number, each.regions, each.hot) for number, each in paged if each),
            used=plan.used,
        )


def pack(
    folder: Path,
    target: Path,
    *,
    progress: Callable[[int, int], None],
    level: int = LEVEL,
    code_block: int = CODE_BLOCK,
    order: Order | None = None,
    libraries: Mapping[str, Paged] | None = None,
    last: Path | None = None,
    frames: Frames | None = None,
) -> PackedArchive:
    """Pack a folder.

    Args:
        folder: what to pack; permission bits and links are kept, times and owners are not.
        target: where the archive goes; written beside it and renamed, under the name that `{digest}` in it becomes.
        progress: called with the number of raw bytes done, and of all.
        level: zstd's compression level.
        code_block: bytes of a library's code in a block, whole pages, a block's size at most.
        order: of the files; those that it does not name stay out. None: all of them, none to be used before all are there.
        libraries: by path, those whose pages may come one by one; each is larger than a block.
        last: an archive that the same compressor packed at the same level: what it holds is not compressed again.
        frames: of the files, as far as they were made before.

    Raises:
        BuildError: the folder holds what an archive cannot (a socket, a link out of it, a path that no loader takes).
    """
    plan = _survey(folder, order, libraries or {}, code_block)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=target.parent) as file:
        body, total, done, anew = _Body(file), plan.raw, 0, 0
        with open_pieces(last) as pieces, ThreadPoolExecutor(WORKERS) as pool:
            for block in _write_files(body, _jobs(plan), pool, _Compressor(level, pieces, frames)):
                done += block.raw
                anew += block.anew
                progress(done, total)
        for link in plan.links:
            body.add_plain(link.path, link.target.encode(), stat.S_IFLNK | 0o777)
        for name in plan.dirs:
            body.add_plain(name + "/", b"", stat.S_IFDIR | 0o755)
        content = body.content(plan)
        try:
            index = dump_index(Index(content, tuple(body.layout)))
        except LoadError as error:
            raise BuildError(f"{folder} cannot be packed: {error}") from error
        digest = content_digest(content)
        final = target.with_name(target.name.format(digest=digest))
        packed = _write_archive(final, index, body)
    return PackedArchive(
        path=final,
        digest=digest,
        packed=packed,
        unpacked=sum(allocated(each.size) for each in plan.files),
        files=len(plan.files),
        raw=total,
        anew=anew,
        sizes={entry.name.decode().removesuffix(SUFFIX): entry.size for entry in body.entries},
    )


def _write_archive(target: Path, index: bytes, body: _Body) -> int:
    """Write an archive, the index first, and return its bytes."""
    frame = compress(index)
    first = Entry(f"{INDEX_NAME}{SUFFIX}".encode(), stat.S_IFREG | 0o644, zlib.crc32(frame), len(frame), 0)
    return write_zip(target, first, frame, body.file, body.entries)


def compress(raw: bytes, level: int = LEVEL) -> bytes:
    """Return a frame that inflates to these bytes.

    Args:
        raw: the bytes.
        level: zstd's compression level.
    """
    return zstandard.ZstdCompressor(level).compress(raw)


def _survey(folder: Path, order: Order | None, libraries: Mapping[str, Paged], code_block: int) -> _Plan:
    files, links, dirs = [], [], find_empty(folder)
    for name, entry in sorted(walk(folder), key=itemgetter(0)):
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            links.append(Link(name, os.readlink(entry.path)))  # noqa: PTH115 - a Path would normalise the target
        elif stat.S_ISREG(status.st_mode):
            mode = 0o755 if status.st_mode & 0o111 else 0o644  # the rest depends on who built it, and under which umask
            files.append(_File(Path(entry.path), name, mode, status.st_size))
        else:
            raise BuildError(f"{entry.path} is neither a file, a folder nor a link; remove it")
    if order is None:
        # Large files first: they take longest, and a start that waits for the last block of one has nothing else to do.
        files.sort(key=lambda file: (file.size <= BLOCK_SIZE, file.path))
    else:
        known = {file.path: file for file in files}
        files = [known[path] for path in order.paths]
    return _Plan(
        files=files,
        links=links,
        dirs=dirs,
        libraries=libraries,
        code_block=code_block,
        eager=len(files) if order is None else order.eager,
        used=order.used if order and libraries else None,
    )


def _write_files(
    body: _Body, jobs: Iterator[_Job], pool: ThreadPoolExecutor, compressor: _Compressor
) -> Iterator[_Packed]:
    """Compress blocks in the pool, a few ahead, and write them in order."""
    waiting: deque[tuple[_Job, Future[_Packed]]] = deque()
    writers: dict[str, _Large] = {}
    while True:
        while len(waiting) < 3 * WORKERS and (job := next(jobs, None)):
            waiting.append((job, pool.submit(compressor.run, job)))
        if not waiting:
            return
        job, future = waiting.popleft()
        packed = future.result()
        if isinstance(job, _Stretch):
            writers.setdefault(job.entry.path, _Large(job.entry)).write(body, packed, job)
        else:
            _write_group(body, job.files, packed)
        yield packed


def _jobs(plan: _Plan) -> Iterator[_Job]:
    """Yield the blocks in order. None holds both files that a recorded start may have used, and others."""
    group: list[_File] = []
    size = 0  # bytes of the group
    number = 0
    for place, file in enumerate(plan.files):
        large = file.size > BLOCK_SIZE
        if group and (large or place == plan.used or size + file.size > BLOCK_SIZE):
            yield _Group(tuple(group))
            group, size = [], 0
        if not large:
            group.append(file)
            size += file.size
            continue
        library = plan.libraries.get(file.path)
        if library:
            yield from _hot_stretches(file, library, number)
            number += 1
        for span in cut(file.size, library.regions if library else (), plan.code_block):
            yield _Stretch(file, (span,), span.start)
    if group:
        yield _Group(tuple(group))


def _hot_stretches(file: _File, library: Paged, number: int) -> Iterator[_Stretch]:
    size = sum(PAGE * run.count for run in library.hot)
    entry = _File(file.source, f"{HOT}/{number}", 0o644, size)
    start = 0
    for spans in cut_hot(library.hot):
        yield _Stretch(entry, spans, start, hot=True)
        start += sum(span.size for span in spans)


@dataclass(frozen=True, slots=True)
class _Compressor:
    """Compresses blocks, or takes their frames, where they were made before or lie in the last archive."""

    level: int  # zstd's
    pieces: Pieces
    frames: Frames | None

    def run(self, job: _Job) -> _Packed:
        """Compress one block."""
        return self._stretch(job) if isinstance(job, _Stretch) else self._group(job.files)

    def _stretch(self, job: _Stretch) -> _Packed:
        size = sum(span.size for span in job.spans)
        frame, anew = self._frame(job.entry, Stretch(job.entry.path, job.start, size), job.spans)
        return _Packed(size, (frame,), anew)

    def _group(self, files: tuple[_File, ...]) -> _Packed:
        made = [self._frame(file, Stretch(file.path, 0, file.size), (Span(0, file.size),)) for file in files]
        return _Packed(
            sum(file.size for file in files), tuple(frame for frame, _ in made), sum(anew for _, anew in made)
        )

    def _frame(self, file: _File, stretch: Stretch, spans: Sequence[Span]) -> tuple[bytes, int]:
        """Return the frame of bytes of a file, and how many of them this build had to compress."""
        if self.frames and (made := self.frames.find(stretch, file.source)):
            return made.data, stretch.size if made.is_new else 0
        with file.source.open("rb") as source:
            raw = b"".join(_read(source, span) for span in spans)
        if found := self.pieces.find(file.path, stretch.start, raw):
            return found, 0
        return compress(raw, self.level), len(raw)


def _read(source: BinaryIO, span: Span) -> bytes:
    source.seek(span.start)
    return source.read(span.size)


def _write_group(body: _Body, files: tuple[_File, ...], packed: _Packed) -> None:
    begin, inside, digest = body.file.tell(), 0, hashlib.sha256()
    for file, frame in zip(files, packed.frames, strict=True):
        body.files.append(FileEntry(file.path, file.mode, file.size, len(body.blocks), inside))
        inside += file.size
        entry = file.entry(zlib.crc32(frame), len(frame), body.file.tell())
        digest.update(entry.local_header() + frame)
        body.add(entry, frame)
    body.blocks.append(Block(packed.raw, digest.hexdigest()))
    body.layout.append(Layout(begin, body.file.tell() - begin))


@dataclass(slots=True)
class _Large:
    """A large entry on its way into the body: its header is written at the end, when its packed size is known."""

    file: _File
    crc: int = 0  # of the frames so far
    header: int = 0  # where its local header stands

    def write(self, body: _Body, packed: _Packed, job: _Stretch) -> None:
        if job.start == 0:
            self.header = body.file.tell()
            if not job.hot:
                body.files.append(FileEntry(self.file.path, self.file.mode, self.file.size, len(body.blocks), 0))
            body.file.write(self.file.entry(0, 0, 0).local_header())
        (frame,) = packed.frames
        self.crc = zlib.crc32(frame, self.crc)
        body.blocks.append(Block(packed.raw, hashlib.sha256(frame).hexdigest()))
        body.layout.append(Layout(body.file.tell(), len(frame)))
        body.file.write(frame)
        if job.start + packed.raw == self.file.size:
            end = body.file.tell()
            data = self.header + len(self.file.entry(0, 0, 0).local_header())
            entry = self.file.entry(self.crc, end - data, self.header)
            body.entries.append(entry)
            body.file.seek(self.header)
            body.file.write(entry.local_header())
            body.file.seek(end)
