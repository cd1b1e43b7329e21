"""Buckets and objects on disk: bytes in files, everything that is known of them in one SQLite database.

An object becomes visible by one commit: its data file is complete and durable (fsync) before the row that names it is written.
A crash in between leaves a data file that no row names; the next start removes it. More of them than a crash leaves mean that the
database is older than they are: they are moved away. SQLite's journal keeps the rows themselves whole. Nothing here knows HTTP,
signatures or policies.

A row is changed in one way: it is read within the transaction, handed to a function, and what that returns is written. So no row
is written back that somebody else has changed meanwhile. A row and its data file are read in one way, too: both in one step, so
that the file stays until it has been read, whatever happens to the row.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from localcloud.kernel.crc64 import update_crc64
from localcloud.kernel.documents import sync_folder, write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.oss.errors import OssError
from localcloud.oss.model import Blob, Bucket, Part, StoredObject, Upload
from localcloud.oss.store.reserve import Reserve

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, owner TEXT, created REAL, acl TEXT, storage_class TEXT,
    settings TEXT) STRICT;
CREATE TABLE IF NOT EXISTS objects (bucket TEXT, key BLOB, data TEXT, size INTEGER, etag TEXT, crc64 TEXT, modified REAL,
    kind TEXT, headers TEXT, acl TEXT, tagging TEXT, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (upload_id TEXT PRIMARY KEY, bucket TEXT, key BLOB, initiated REAL, headers TEXT) STRICT;
CREATE TABLE IF NOT EXISTS parts (upload_id TEXT, number INTEGER, data TEXT, size INTEGER, etag TEXT, crc64 TEXT,
    modified REAL, PRIMARY KEY (upload_id, number)) STRICT, WITHOUT ROWID;
"""
JOURNAL = 256  # pages of 4 KB, after which SQLite empties its journal; well below the reserve
IN_FLIGHT = 16  # data files; a kill leaves one for each request that was writing
PAGE = 1000  # rows fetched at a time while listing
_ACL, _TAGGING = "x-oss-object-acl", "x-oss-tagging"

_LOG = logging.getLogger(__name__)
Result = TypeVar("Result")


@contextmanager
def _reporting_shortage() -> Iterator[None]:
    """Turn what this machine has run out of into OSS's own error."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}:
            raise
        raise OssError("ServiceUnavailable", f"{error.strerror}: make room on this machine and try again.") from error
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_FULL:
            raise
        raise OssError("ServiceUnavailable", "The disk is full: make room on this machine and try again.") from error


class BlobWriter:
    """Receives bytes, then becomes a durable `Blob`; closed before that, it leaves nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _reporting_shortage():
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
        with _reporting_shortage():
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
        with _reporting_shortage():
            os.fsync(self._file.fileno())
            self._file.close()
            sync_folder(self._path.parent)
        return Blob(data=self._path.name, path=self._path, size=self._size, md5=self._md5.digest(), crc64=self._crc)

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Storage:
    """The store behind the service. Thread-safe; each call is one transaction.

    Args:
        folder: where it lies; created if need be.

    Raises:
        LocalCloudError: the database is missing, damaged or another folder's, or the folder cannot be used as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._lock = threading.RLock()  # held while the database is used
        self._pins = threading.Lock()  # held for a moment, also by the event loop
        self._readers: dict[str, int] = {}  # by data file; a replaced file goes when its last reader has gone
        self._doomed: set[str] = set()
        self._reserve = Reserve(folder / "reserve")
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            self._reserve.release()  # a start on a full disk needs space as well
            self._database = self._open()
            self._sweep()
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                raise LocalCloudError(f"{folder / 'oss.sqlite3'} is in use by another process; end that one") from error
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise LocalCloudError(
                f"{error.filename or folder} cannot be used ({error.strerror}); put that right, or choose another data folder"
            ) from error

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _open(self) -> sqlite3.Connection:
        path = self._folder / "oss.sqlite3"
        needed = any(self._data.iterdir())
        if needed and not (path.exists() and path.stat().st_size):
            raise self._foreign(path)
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # The folder is this process's alone; held for good, the lock saves SQLite the shared memory that it needs otherwise.
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(f"PRAGMA wal_autocheckpoint={JOURNAL}")
        if needed and not self._belongs(database):
            raise self._foreign(path)
        database.executescript(SCHEMA)
        self._pair(database)
        return database

    def _belongs(self, database: sqlite3.Connection) -> bool:
        number = self._folder / "number"
        return bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'objects'").fetchone()) and (
            not number.exists() or number.read_bytes() == _number(database)
        )

    def _pair(self, database: sqlite3.Connection) -> None:
        """Give database and folder a common number: files are not judged by the rows of another folder's database."""
        if _number(database) == b"0":
            database.execute(f"PRAGMA application_id={secrets.randbelow(2**31 - 1) + 1}")
        number = self._folder / "number"
        if not number.exists() or number.read_bytes() != _number(database):
            write_private(number, _number(database))

    def _foreign(self, path: Path) -> LocalCloudError:
        return LocalCloudError(
            f"{path} is missing, empty or another folder's, but {self._data} holds objects; restore the database from a copy, or "
            f"remove {self._folder} to start anew"
        )

    def _damaged(self, why: str) -> LocalCloudError:
        return LocalCloudError(
            f"{self._folder / 'oss.sqlite3'} is damaged ({why}); restore it from a copy, or remove {self._folder} to start anew"
        )

    def _sweep(self) -> None:
        named = {row[0] for row in self._database.execute("SELECT data FROM objects UNION SELECT data FROM parts")}
        unnamed = [path for path in self._data.iterdir() if path.name not in named]
        if unnamed:
            complaint = self._database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if complaint != "ok":  # a damaged database may not name what it should
                raise self._damaged(complaint)
        if len(unnamed) <= IN_FLIGHT:
            for path in unnamed:
                path.unlink()
            return
        lost = self._folder / "lost"
        lost.mkdir(exist_ok=True)
        for path in unnamed:
            path.rename(lost / path.name)
        _LOG.warning(
            "%s names none of %d files in %s: it is older than they are, or a deletion was cut short. They are in %s: move them "
            "back together with the database that names them, or remove them",
            self._folder / "oss.sqlite3",
            len(unnamed),
            self._data,
            lost,
        )

    def _write(self, work: Callable[[], Result], *, frees: bool = False) -> Result:
        """Run statements as one: all of them are durable afterwards, or none.

        Args:
            work: runs the statements; it may be run twice.
            frees: it only deletes, so that it may use the reserve.

        Raises:
            OssError: ServiceUnavailable (the disk is full), and what `work` raises.
        """
        with self._lock, _reporting_shortage():
            if not frees:
                self._reserve.fill()
            try:
                return self._transact(work)
            except sqlite3.OperationalError as error:
                if not frees or _code(error) != sqlite3.SQLITE_FULL:
                    raise
            self._reserve.release()
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return self._transact(work)

    def _transact(self, work: Callable[[], Result]) -> Result:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # SQLite has rolled some failures back itself
                self._database.execute("ROLLBACK")
            raise
        return result

    # Bytes

    def new_blob(self) -> BlobWriter:
        """Return a writer for bytes that will belong to an object or a part.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        if not self._reserve.filled:  # else looked at without waiting for the database
            with self._lock, _reporting_shortage():
                self._reserve.fill()
        return BlobWriter(self._data / uuid.uuid4().hex)

    def share(self, path: Path) -> str:
        """Return a second, durable name of a data file: its bytes never change, so that a copy of them needs none of its own."""
        name = uuid.uuid4().hex
        with _reporting_shortage():
            os.link(path, self._data / name)
            sync_folder(self._data)
        return name

    def path(self, data: str) -> Path:
        """Return the path of a data file."""
        return self._data / data

    def drop(self, names: Iterable[str]) -> None:
        """Remove data files that no row names any more; one that is being read goes afterwards."""
        for name in names:
            with self._pins:
                if name in self._readers:
                    self._doomed.add(name)
                    continue
            (self._data / name).unlink(missing_ok=True)

    def _pin(self, names: Iterable[str]) -> None:
        with self._pins:
            for name in names:
                self._readers[name] = self._readers.get(name, 0) + 1

    def _unpin(self, names: Iterable[str]) -> None:
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

    @contextmanager
    def open_object(self, bucket: str, key: str) -> Iterator[tuple[StoredObject, Path] | None]:
        """Yield an object and the file with its bytes, or None; the file stays until the block ends."""
        with self._lock:  # from reading the row until its file is pinned, nobody can replace it
            item = self.object(bucket, key)
            names = [item.data] if item else []
            self._pin(names)
        try:
            yield (item, self._data / item.data) if item else None
        finally:
            self._unpin(names)

    @contextmanager
    def open_parts(self, upload: Upload) -> Iterator[list[Part]]:
        """Yield the parts of an upload in order of their numbers; their files stay until the block ends.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        with self._lock:
            self.upload(upload.bucket, upload.key, upload.upload_id)
            parts = self.parts(upload)
            names = [part.data for part in parts]
            self._pin(names)
        try:
            yield parts
        finally:
            self._unpin(names)

    # Buckets

    def find_bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or None."""
        with self._lock:
            row = self._database.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        return _bucket(row) if row else None

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        bucket = self.find_bucket(name)
        if bucket is None:
            raise OssError("NoSuchBucket", "The specified bucket does not exist.", {"BucketName": name})
        return bucket

    def buckets(self) -> list[Bucket]:
        """Return all buckets in order of their names."""
        with self._lock:
            return [_bucket(row) for row in self._database.execute("SELECT * FROM buckets ORDER BY name")]

    def change_bucket(self, name: str, change: Callable[[Bucket | None], Bucket]) -> Bucket:
        """Replace a bucket's record by what a function makes of it (None: there is no such bucket) and return that."""

        def work() -> Bucket:
            after = change(self.find_bucket(name))
            assert after.name == name
            settings = json.dumps(dict(after.settings))
            self._database.execute(
                "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)",
                (name, after.owner, after.created, after.acl, after.storage_class, settings),
            )
            return after

        return self._write(work)

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: NoSuchBucket; BucketNotEmpty, for objects or unfinished uploads in it.
        """

        def work() -> None:
            self.bucket(name)
            for table in ("objects", "uploads"):
                query = f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1"  # noqa: S608 - two fixed table names
                if self._database.execute(query, (name,)).fetchone():
                    raise OssError(
                        "BucketNotEmpty", "The bucket has objects. Please delete them first.", {"BucketName": name}
                    )
            self._database.execute("DELETE FROM buckets WHERE name = ?", (name,))

        self._write(work, frees=True)

    # Objects

    def object(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, or None."""
        with self._lock:
            row = self._database.execute(
                "SELECT * FROM objects WHERE bucket = ? AND key = ?", (bucket, _encode(key))
            ).fetchone()
        return _object(row) if row else None

    def change_object(
        self, bucket: str, key: str, change: Callable[[Bucket, StoredObject | None], StoredObject]
    ) -> StoredObject:
        """Replace an object by what a function makes of it and return that; bytes that it does not keep go.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            change: from the bucket and what stands there (None: nothing) to what shall stand there; its data file is durable
                already. It may be called twice, and raises to leave everything as it was.

        Raises:
            OssError: NoSuchBucket, ServiceUnavailable (the disk is full), and what `change` raises.
        """

        def work() -> tuple[StoredObject | None, StoredObject]:
            before = self.object(bucket, key)
            after = change(self.bucket(bucket), before)
            self._insert(after, bucket, key)
            return before, after

        before, after = self._write(work)
        if before and before.data != after.data:
            self.drop([before.data])
        return after

    def _insert(self, item: StoredObject, bucket: str, key: str) -> None:
        assert (item.bucket, item.key) == (bucket, key)
        self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(item))

    def delete_object(self, bucket: str, key: str) -> StoredObject | None:
        """Delete an object and return what it was.

        Raises:
            OssError: NoSuchBucket.
        """

        def work() -> StoredObject | None:
            self.bucket(bucket)
            before = self.object(bucket, key)
            self._database.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, _encode(key)))
            return before

        before = self._write(work, frees=True)
        if before:
            self.drop([before.data])
        return before

    def objects_after(self, bucket: str, prefix: str, marker: str) -> Iterator[StoredObject]:
        """Yield the bucket's objects with the prefix whose keys are greater than the marker, in order of their bytes."""
        begin, sign = _encode(prefix), ">="
        if _encode(marker) >= begin:
            begin, sign = _encode(marker), ">"
        while True:
            with self._lock:
                rows = self._database.execute(
                    f"SELECT * FROM objects WHERE bucket = ? AND key {sign} ? ORDER BY key LIMIT {PAGE}",  # noqa: S608
                    (bucket, begin),
                ).fetchall()
            for row in rows:
                if not row[1].startswith(_encode(prefix)):
                    return
                yield _object(row)
            if len(rows) < PAGE:
                return
            begin, sign = rows[-1][1], ">"

    def uploads_after(self, bucket: str, prefix: str, marker: str) -> Iterator[Upload]:
        """Yield the bucket's unfinished uploads likewise."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM uploads WHERE bucket = ? AND key > ? ORDER BY key, upload_id", (bucket, _encode(marker))
            ).fetchall()
        yield from (upload for upload in map(_upload, rows) if upload.key.startswith(prefix))

    # Multipart uploads

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an unfinished upload.

        Raises:
            OssError: NoSuchUpload.
        """
        with self._lock:
            row = self._database.execute("SELECT * FROM uploads WHERE upload_id = ?", (upload_id,)).fetchone()
        upload = _upload(row) if row else None
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise OssError(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
                "completed.",
                {"UploadId": upload_id},
            )
        return upload

    def begin_upload(self, upload: Upload) -> None:
        """Record a new upload.

        Raises:
            OssError: NoSuchBucket, ServiceUnavailable (the disk is full).
        """

        def work() -> None:
            self.bucket(upload.bucket)
            # The ACL and the tags stand among the headers, by their headers' names: older folders have no columns for them.
            headers = json.dumps({**upload.headers, _ACL: upload.acl, _TAGGING: upload.tagging})
            self._database.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
                (upload.upload_id, upload.bucket, _encode(upload.key), upload.initiated, headers),
            )

        self._write(work)

    def put_part(self, upload: Upload, part: Part) -> None:
        """Record a part; one of the same number is replaced.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile), ServiceUnavailable (the disk is full).
        """

        def work() -> list[str]:
            self.upload(upload.bucket, upload.key, upload.upload_id)
            before = self._database.execute(
                "SELECT data FROM parts WHERE upload_id = ? AND number = ?", (upload.upload_id, part.number)
            ).fetchall()
            self._database.execute(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (upload.upload_id, part.number, part.data, part.size, part.etag, str(part.crc64), part.modified),
            )
            return [row[0] for row in before]

        self.drop(self._write(work))

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an upload in order of their numbers."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM parts WHERE upload_id = ? ORDER BY number", (upload.upload_id,)
            )
            return [
                Part(number=row[1], data=row[2], size=row[3], etag=row[4], crc64=int(row[5]), modified=row[6])
                for row in rows
            ]

    def complete_upload(
        self, upload: Upload, make: Callable[[Bucket, Sequence[Part], StoredObject | None], StoredObject]
    ) -> StoredObject:
        """End an upload by an object and return that.

        Args:
            upload: the upload.
            make: from the bucket, all parts and what stands under the key (None: nothing) to the object, as in `change_object`.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile), ServiceUnavailable (the disk is full), and what `make` raises.
        """

        def work() -> tuple[list[str], StoredObject]:
            before = self.object(upload.bucket, upload.key)
            parts = self._end(upload)
            after = make(self.bucket(upload.bucket), parts, before)
            self._insert(after, upload.bucket, upload.key)
            return [part.data for part in parts] + ([before.data] if before else []), after

        superseded, after = self._write(work)
        self.drop(name for name in superseded if name != after.data)
        return after

    def abort_upload(self, upload: Upload) -> None:
        """Forget an upload and its parts.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        self.drop(part.data for part in self._write(lambda: self._end(upload), frees=True))

    def _end(self, upload: Upload) -> list[Part]:
        self.upload(upload.bucket, upload.key, upload.upload_id)
        parts = self.parts(upload)
        self._database.execute("DELETE FROM uploads WHERE upload_id = ?", (upload.upload_id,))
        self._database.execute("DELETE FROM parts WHERE upload_id = ?", (upload.upload_id,))
        return parts


def _code(error: sqlite3.Error) -> int | None:
    return getattr(error, "sqlite_errorcode", None)  # the module's own errors have none


def _number(database: sqlite3.Connection) -> bytes:
    return str(database.execute("PRAGMA application_id").fetchone()[0]).encode()


def _encode(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _decode(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def _bucket(row: tuple[Any, ...]) -> Bucket:
    name, owner, created, acl, storage_class, settings = row
    return Bucket(
        name=name, owner=owner, created=created, acl=acl, storage_class=storage_class, settings=json.loads(settings)
    )


def _row(item: StoredObject) -> tuple[Any, ...]:
    return (
        item.bucket,
        _encode(item.key),
        item.data,
        item.size,
        item.etag,
        str(item.crc64),  # unsigned 64 bits: more than SQLite's integers hold
        item.modified,
        item.kind,
        json.dumps(dict(item.headers)),
        item.acl,
        item.tagging,
    )


def _object(row: tuple[Any, ...]) -> StoredObject:
    bucket, key, data, size, etag, crc64, modified, kind, headers, acl, tagging = row
    return StoredObject(
        bucket=bucket,
        key=_decode(key),
        data=data,
        size=size,
        etag=etag,
        crc64=int(crc64),
        modified=modified,
        kind=kind,
        headers=json.loads(headers),
        acl=acl,
        tagging=tagging,
    )


def _upload(row: tuple[Any, ...]) -> Upload:
    upload_id, bucket, key, initiated, document = row
    headers = json.loads(document)
    return Upload(
        upload_id=upload_id,
        bucket=bucket,
        key=_decode(key),
        initiated=initiated,
        acl=headers.pop(_ACL, "default"),
        tagging=headers.pop(_TAGGING, None),
        headers=headers,
    )
