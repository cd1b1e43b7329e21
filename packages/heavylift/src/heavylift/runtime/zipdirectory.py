"""The central directory of a zip that other tools made: read from the object's tail, and judged before anything is unpacked.

Only stored and deflated entries are taken, files, folders and symbolic links, under paths as `heavylift.contracts.paths` has them.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from dataclasses import dataclass

from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.paths import MAX_PATH, check_names, check_path
from heavylift.runtime.store import ObjectReader
from heavylift.runtime.zipentry import DEFLATED, LOCAL_HEADER, STORED

TAIL = 256 * 1024  # bytes; one request brings the central directory of most zips
MAX_DIRECTORY = 64 * 1024 * 1024  # bytes of central directory; about half a million entries
ENCRYPTED = 0x1 | 0x40 | 0x2000  # APPNOTE.TXT 4.4.4: bits 0, 6 and 13 of the flags
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
            raise refused(reader.name, entry.path, "overlaps what follows it")
    return entries


def _judge(info: zipfile.ZipInfo, archive: str) -> Entry:
    folder = info.filename.endswith("/")
    path = info.filename[:-1] if folder else info.filename
    if "\0" in info.orig_filename:
        raise refused(archive, info.filename, "its name holds NUL")
    check_path(path, f"{archive}: {info.filename!r}")
    mode = info.external_attr >> 16 if info.create_system == UNIX else 0
    kind = stat.S_IFDIR if folder else stat.S_IFMT(mode) or stat.S_IFREG
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK) or (kind == stat.S_IFDIR) != folder:
        raise refused(archive, path, "is neither a file nor a folder nor a symbolic link")
    if info.flag_bits & ENCRYPTED:
        raise refused(archive, path, "is encrypted")
    if info.compress_type not in (STORED, DEFLATED):
        raise refused(archive, path, f"is compressed by method {info.compress_type}; only deflate is read")
    if info.compress_type == STORED and info.compress_size != info.file_size:
        raise refused(archive, path, "is stored, and has two sizes")
    if stat.S_ISLNK(kind) and info.file_size > MAX_PATH:
        raise refused(archive, path, "is a link with a target that is too long")
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


def refused(archive: str, path: str, found: str) -> InvalidArchiveError:
    """Return the error about an entry: what was found of it."""
    return InvalidArchiveError(f"{archive}: {path!r} {found}; pack the archive again")


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
