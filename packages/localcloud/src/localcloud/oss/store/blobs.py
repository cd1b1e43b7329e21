"""The data files of a store: written once, durable before a row names them, and kept until their last reader has gone."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from localcloud.kernel.crc64 import update_crc64
from localcloud.kernel.documents import sync_folder
from localcloud.oss.model import Blob, StoredObject
from localcloud.oss.store.shortage import reporting_shortage

CHUNK = 1024 * 1024  # bytes read at a time
_NO_LINK = frozenset({errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP})  # as link(2) says of file systems and their limits


class BlobWriter:
    """Receives bytes, then becomes a durable `Blob`; discarded before that, it leaves nothing.

    Thread-safe: who gives up discards it while a thread may still write, whose descriptor would become another file's.

    Args:
        path: the data file to make.

    Raises:
        OssError: ServiceUnavailable (the disk is full).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with reporting_shortage():
            self._file = path.open("xb", buffering=0)  # nothing is left to write when it is closed
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc = 0
        self._size = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        view = memoryview(chunk)
        with self._lock, reporting_shortage():
            while view:
                view = view[self._file.write(view) :]
            self._md5.update(chunk)
            self._crc = update_crc64(bytes(chunk), self._crc)
            self._size += len(chunk)

    def finish(self) -> Blob:
        """Make the bytes durable.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        with self._lock, reporting_shortage():
            os.fsync(self._file.fileno())
            self._file.close()
            sync_folder(self._path.parent)
        return Blob(data=self._path.name, path=self._path, size=self._size, md5=self._md5.digest(), crc64=self._crc)

    def discard(self) -> None:
        """Remove the bytes that were written; nothing can be written afterwards."""
        with self._lock:
            self._file.close()
            self._path.unlink(missing_ok=True)


class Blobs:
    """The data files of a folder. Thread-safe.

    Args:
        folder: where they lie; it exists.
        prepare: called before a file is begun; raises to refuse.
    """

    def __init__(self, folder: Path, prepare: Callable[[], None]) -> None:
        self._folder = folder
        self._path = lru_cache(maxsize=256)(folder.joinpath)  # ranges of one object come one after the other
        self._prepare = prepare
        self._pins = threading.Lock()  # held for a moment, also by the event loop
        self._readers: dict[str, int] = {}  # by data file
        self._doomed: set[str] = set()

    def path(self, data: str) -> Path:
        """Return the path of a data file."""
        return self._path(data)

    def new(self) -> BlobWriter:
        """Return a writer for bytes that will belong to an object or a part.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        self._prepare()
        return BlobWriter(self._folder / uuid.uuid4().hex)

    def write(self, chunks: Iterable[bytes]) -> Blob:
        """Make bytes durable; they belong to nothing until they are committed.

        Raises:
            OssError: ServiceUnavailable (the disk is full), and what `chunks` raises.
        """
        writer = self.new()
        try:
            for chunk in chunks:
                writer.write(chunk)
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    def concatenate(self, paths: Sequence[Path]) -> Blob:
        """Write the bytes of several files into one.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """

        def chunks() -> Iterator[bytes]:
            for path in paths:
                with path.open("rb") as file:
                    yield from iter(lambda: file.read(CHUNK), b"")

        return self.write(chunks())

    def share(self, item: StoredObject) -> Blob:
        """Return a blob of an object's bytes: they never change, so that a copy takes a second name of their file and no space.

        Where the file cannot have one more name, they are copied.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        path = self.path(uuid.uuid4().hex)
        with reporting_shortage():
            try:
                os.link(self.path(item.data), path)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                return self.concatenate([self.path(item.data)])
            sync_folder(self._folder)
        return Blob(data=path.name, path=path, size=item.size, md5=b"", crc64=item.crc64)

    @contextmanager
    def giving(self, blob: Blob) -> Iterator[None]:
        """Remove a blob if the block, which is to commit it, fails."""
        try:
            yield
        except BaseException:
            self.drop([blob.data])
            raise

    def drop(self, names: Iterable[str]) -> None:
        """Remove data files that no row names any more; one that is being read goes afterwards."""
        for name in names:
            with self._pins:
                if name in self._readers:
                    self._doomed.add(name)
                    continue
            (self._folder / name).unlink(missing_ok=True)

    def pin(self, names: Iterable[str]) -> None:
        """Keep data files until `unpin`, whatever happens to the rows that name them."""
        with self._pins:
            for name in names:
                self._readers[name] = self._readers.get(name, 0) + 1

    def unpin(self, names: Iterable[str]) -> None:
        """Let data files go that `pin` kept."""
        free = []
        with self._pins:
            for name in names:
                self._readers[name] -= 1
                if not self._readers[name]:
                    del self._readers[name]
                    if name in self._doomed:
                        self._doomed.discard(name)
                        free.append(name)
        self.drop(free)
