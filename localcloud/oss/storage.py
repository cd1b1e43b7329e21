"""Buckets and objects on disk: bytes in files, everything that is known of them in one SQLite database.

An object becomes visible by one commit: its data file is complete and durable (fsync) before the row that names it is written.
A crash in between leaves a data file that no row names; the next start removes it. SQLite's journal keeps the rows themselves
whole. Nothing here knows HTTP, signatures or policies.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.crc64 import update_crc64
from localcloud.oss.errors import OssError
from localcloud.oss.model import Blob, Bucket, Part, StoredObject, Upload
from localcloud.state import sync_folder

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, owner TEXT, created REAL, acl TEXT, storage_class TEXT,
    settings TEXT) STRICT;
CREATE TABLE IF NOT EXISTS objects (bucket TEXT, key BLOB, data TEXT, size INTEGER, etag TEXT, crc64 TEXT, modified REAL,
    kind TEXT, headers TEXT, acl TEXT, tagging TEXT, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (upload_id TEXT PRIMARY KEY, bucket TEXT, key BLOB, initiated REAL, headers TEXT) STRICT;
CREATE TABLE IF NOT EXISTS parts (upload_id TEXT, number INTEGER, data TEXT, size INTEGER, etag TEXT, crc64 TEXT,
    modified REAL, PRIMARY KEY (upload_id, number)) STRICT, WITHOUT ROWID;
"""
PAGE = 1000  # rows fetched at a time while listing


class BlobWriter:
    """Receives bytes, then becomes a durable `Blob`; closed before that, it leaves nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc = 0
        self._size = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self._md5.update(chunk)
        self._crc = update_crc64(bytes(chunk), self._crc)
        self._size += len(chunk)

    def finish(self) -> Blob:
        """Make the bytes durable."""
        self._file.flush()
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
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._data.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._open: dict[str, int] = {}  # data file -> readers; a replaced file goes when its last reader has gone
        self._doomed: set[str] = set()
        self._database = sqlite3.connect(folder / "oss.sqlite3", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(SCHEMA)
        self._sweep()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _sweep(self) -> None:
        named = {row[0] for row in self._database.execute("SELECT data FROM objects UNION SELECT data FROM parts")}
        for path in self._data.iterdir():
            if path.name not in named:
                path.unlink()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one: all of them are durable afterwards, or none."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    # Bytes

    def new_blob(self) -> BlobWriter:
        """Return a writer for bytes that will belong to an object or a part."""
        return BlobWriter(self._data / uuid.uuid4().hex)

    def share(self, data: str) -> str:
        """Return a second, durable name of a data file: its bytes never change, so that a copy of them needs none of its own."""
        name = uuid.uuid4().hex
        os.link(self._data / data, self._data / name)
        sync_folder(self._data)
        return name

    def path(self, data: str) -> Path:
        """Return the path of a data file."""
        return self._data / data

    @contextmanager
    def reading(self, data: str) -> Iterator[Path]:
        """Keep a data file while it is read, also when its object is replaced meanwhile."""
        with self._lock:
            self._open[data] = self._open.get(data, 0) + 1
        try:
            yield self._data / data
        finally:
            with self._lock:
                self._open[data] -= 1
                if not self._open[data]:
                    del self._open[data]
                    if data in self._doomed:
                        self._doomed.discard(data)
                        (self._data / data).unlink(missing_ok=True)

    def drop(self, data: str) -> None:
        """Remove a data file that no row names any more."""
        with self._lock:
            if data in self._open:
                self._doomed.add(data)
            else:
                (self._data / data).unlink(missing_ok=True)

    # Buckets

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or None."""
        with self._lock:
            row = self._database.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        return _bucket(row) if row else None

    def buckets(self) -> list[Bucket]:
        """Return all buckets in order of their names."""
        with self._lock:
            return [_bucket(row) for row in self._database.execute("SELECT * FROM buckets ORDER BY name")]

    def put_bucket(self, bucket: Bucket) -> None:
        """Create or replace a bucket's record."""
        with self.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)",
                (
                    bucket.name,
                    bucket.owner,
                    bucket.created,
                    bucket.acl,
                    bucket.storage_class,
                    json.dumps(dict(bucket.settings)),
                ),
            )

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: BucketNotEmpty, for objects or unfinished uploads in it.
        """
        with self.transaction() as database:
            for table in ("objects", "uploads"):
                query = f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1"  # noqa: S608 - two fixed table names
                if database.execute(query, (name,)).fetchone():
                    raise OssError(
                        "BucketNotEmpty", "The bucket has objects. Please delete them first.", {"BucketName": name}
                    )
            database.execute("DELETE FROM buckets WHERE name = ?", (name,))

    # Objects

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, or None."""
        with self._lock:
            row = self._database.execute(
                "SELECT * FROM objects WHERE bucket = ? AND key = ?", (bucket, _encode(key))
            ).fetchone()
        return _object(row) if row else None

    def put(self, item: StoredObject, *, expected: StoredObject | bool | None = True) -> None:
        """Commit an object; the bytes of the one that it replaces go.

        Args:
            item: the object; its data file is durable already.
            expected: what must stand there at the moment of the commit (None: nothing); True: anything.

        Raises:
            LookupError: something else stands there.
        """
        with self.transaction() as database:
            before = self.get(item.bucket, item.key)
            if expected is not True and before != expected:
                raise LookupError(item.key)
            database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(item))
        if before and before.data != item.data:
            self.drop(before.data)

    def delete(self, bucket: str, key: str) -> StoredObject | None:
        """Delete an object and return what it was."""
        with self.transaction() as database:
            before = self.get(bucket, key)
            database.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, _encode(key)))
        if before:
            self.drop(before.data)
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

    def upload(self, upload_id: str) -> Upload | None:
        """Return an unfinished upload, or None."""
        with self._lock:
            row = self._database.execute("SELECT * FROM uploads WHERE upload_id = ?", (upload_id,)).fetchone()
        return _upload(row) if row else None

    def begin_upload(self, upload: Upload) -> None:
        """Record a new upload."""
        with self.transaction() as database:
            database.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
                (
                    upload.upload_id,
                    upload.bucket,
                    _encode(upload.key),
                    upload.initiated,
                    json.dumps(dict(upload.headers)),
                ),
            )

    def put_part(self, upload_id: str, part: Part) -> bool:
        """Record a part; one of the same number is replaced. False: the upload has ended meanwhile."""
        with self.transaction() as database:
            if self.upload(upload_id) is None:
                return False
            before = database.execute(
                "SELECT data FROM parts WHERE upload_id = ? AND number = ?", (upload_id, part.number)
            ).fetchone()
            database.execute(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (upload_id, part.number, part.data, part.size, part.etag, str(part.crc64), part.modified),
            )
        if before:
            self.drop(before[0])
        return True

    def parts(self, upload_id: str) -> list[Part]:
        """Return the parts of an upload in order of their numbers."""
        with self._lock:
            rows = self._database.execute("SELECT * FROM parts WHERE upload_id = ? ORDER BY number", (upload_id,))
            return [
                Part(number=row[1], data=row[2], size=row[3], etag=row[4], crc64=int(row[5]), modified=row[6])
                for row in rows
            ]

    def end_upload(self, upload_id: str, completed: StoredObject | None = None) -> None:
        """Forget an upload and its parts; `completed` is committed in the same moment."""
        with self.transaction() as database:
            before = self.get(completed.bucket, completed.key) if completed else None
            parts = self.parts(upload_id)
            database.execute("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))
            database.execute("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
            if completed:
                database.execute(
                    "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(completed)
                )
        for data in [part.data for part in parts] + ([before.data] if before else []):
            if completed is None or data != completed.data:
                self.drop(data)


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
    upload_id, bucket, key, initiated, headers = row
    return Upload(
        upload_id=upload_id, bucket=bucket, key=_decode(key), initiated=initiated, headers=json.loads(headers)
    )
