"""The rows of objects, each with its data file.

An object becomes visible by one commit: its data file is complete and durable before the row that names it is written. A row and
its data file are read in one step, so that the file stays until it has been read, whatever happens to the row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud.oss.model import Attributes, Bucket, ObjectKind, StoredObject
from localcloud.oss.store.blobs import Blobs
from localcloud.oss.store.buckets import BucketRows
from localcloud.oss.store.database import Database, Row, decode_key, encode_key

PAGE = 1000  # rows fetched at a time while listing
_TARGET = "x-oss-symlink-target"  # stands among the headers: older folders have no column for it


class ObjectRows:
    """The objects of a store. Thread-safe; each call is one transaction, or a part of the caller's."""

    def __init__(self, database: Database, blobs: Blobs, buckets: BucketRows) -> None:
        self._database = database
        self._blobs = blobs
        self._buckets = buckets

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, or None."""
        rows = self._database.run("SELECT * FROM objects WHERE bucket = ? AND key = ?", bucket, encode_key(key))
        return _object(rows[0]) if rows else None

    @contextmanager
    def open(self, bucket: str, key: str) -> Iterator[tuple[StoredObject, Path] | None]:
        """Yield an object and the file with its bytes, or None; the file stays until the block ends."""
        with self._database.lock:  # from reading the row until its file is pinned, nobody can replace it
            item = self.find(bucket, key)
            names = [item.data] if item else []
            self._blobs.pin(names)
        try:
            yield (item, self._blobs.path(item.data)) if item else None
        finally:
            self._blobs.unpin(names)

    def change(
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
            before = self.find(bucket, key)
            after = change(self._buckets.get(bucket), before)
            assert (after.bucket, after.key) == (bucket, key)
            self.insert(after)
            return before, after

        before, after = self._database.write(work)
        if before and before.data != after.data:
            self._blobs.drop([before.data])
        return after

    def insert(self, item: StoredObject) -> None:
        """Write a row within the caller's transaction, which removes the data file of the row that stood there."""
        self._database.run("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *_row(item))

    def delete(
        self, bucket: str, key: str, *, when: Callable[[StoredObject], bool] = lambda _: True
    ) -> StoredObject | None:
        """Delete an object, if a function says so of it, and return it; None: there was none, or it stays.

        Raises:
            OssError: NoSuchBucket.
        """

        def work() -> StoredObject | None:
            self._buckets.get(bucket)
            before = self.find(bucket, key)
            if before is None or not when(before):
                return None
            self._database.run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, encode_key(key))
            return before

        before = self._database.write(work, frees=True)
        if before:
            self._blobs.drop([before.data])
        return before

    def after(self, bucket: str, prefix: str, marker: str) -> Iterator[StoredObject]:
        """Yield the bucket's objects with the prefix whose keys are greater than the marker, in order of their bytes."""
        begin, sign = encode_key(prefix), ">="
        if encode_key(marker) >= begin:
            begin, sign = encode_key(marker), ">"
        while True:
            rows = self._database.run(
                f"SELECT * FROM objects WHERE bucket = ? AND key {sign} ? ORDER BY key LIMIT {PAGE}",  # noqa: S608
                bucket,
                begin,
            )
            for row in rows:
                if not row[1].startswith(encode_key(prefix)):
                    return
                yield _object(row)
            if len(rows) < PAGE:
                return
            begin, sign = rows[-1][1], ">"


def _row(item: StoredObject) -> Row:
    headers = dict(item.attributes.headers)
    if item.symlink_target is not None:
        headers[_TARGET] = item.symlink_target
    return (
        item.bucket,
        encode_key(item.key),
        item.data,
        item.size,
        item.etag,
        str(item.crc64),  # unsigned 64 bits: more than SQLite's integers hold
        item.modified,
        item.kind.value,
        json.dumps(headers),
        item.attributes.acl,
        item.attributes.tagging,
    )


def _object(row: Row) -> StoredObject:
    bucket, key, data, size, etag, crc64, modified, kind, document, acl, tagging = row
    headers = json.loads(document)
    return StoredObject(
        bucket=bucket,
        key=decode_key(key),
        data=data,
        size=size,
        etag=etag,
        crc64=int(crc64),
        modified=modified,
        kind=ObjectKind(kind),
        symlink_target=headers.pop(_TARGET, None),
        attributes=Attributes(headers=headers, acl=acl, tagging=tagging),
    )
