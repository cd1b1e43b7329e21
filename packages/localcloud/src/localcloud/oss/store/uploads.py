"""The rows of unfinished multipart uploads and of their parts, each part with its data file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Bucket, Part, StoredObject, Upload
from localcloud.oss.store.blobs import Blobs
from localcloud.oss.store.buckets import BucketRows
from localcloud.oss.store.database import PAGE, Database, Row, decode_key, encode_key, key_beyond
from localcloud.oss.store.objects import ObjectRows
from localcloud.oss.store.rows import pop_storage, storage_document

_LAST = "\U0010ffff"  # behind all ids
_COLUMNS = "bucket, key, upload_id, initiated, headers"
_AFTER = f"""SELECT {_COLUMNS} FROM uploads WHERE bucket = ? AND (key, upload_id) > (?, ?)
    ORDER BY key, upload_id LIMIT ?"""  # noqa: S608 - fixed names
# They stand among the headers, by their headers' names: older folders have no columns for them.
_ACL, _TAGGING, _SEQUENTIAL = "x-oss-object-acl", "x-oss-tagging", "sequential"


class UploadRows:
    """The unfinished uploads of a store. Thread-safe; each call is one transaction."""

    def __init__(self, database: Database, blobs: Blobs, buckets: BucketRows, objects: ObjectRows) -> None:
        self._database = database
        self._blobs = blobs
        self._buckets = buckets
        self._objects = objects

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an unfinished upload.

        Raises:
            OssError: NoSuchUpload.
        """
        rows = self._database.run(f"SELECT {_COLUMNS} FROM uploads WHERE upload_id = ?", upload_id)  # noqa: S608 - fixed names
        upload = _upload(rows[0]) if rows else None
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise OssError(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
                "completed.",
                {"UploadId": upload_id},
            )
        return upload

    def after(
        self,
        bucket: str,
        prefix: str = "",
        key: str = "",
        upload_id: str | None = None,
        *,
        beyond: bool = False,
        rows: int = PAGE,
    ) -> Iterator[Upload]:
        """Return the bucket's uploads whose keys have the prefix, in order of keys and ids.

        Args:
            bucket: see `VersionRows.after`.
            prefix: likewise.
            key: likewise, with uploads in place of versions.
            upload_id: likewise.
            beyond: likewise.
            rows: likewise.
        """
        start, passed = encode_key(prefix), encode_key(key)
        behind = (key_beyond(passed), "") if beyond else (passed, _LAST if upload_id is None else upload_id)
        place = max((start, ""), behind)
        found = self._database.walk(_AFTER, bucket, place, lambda row: (row[1], row[2]), prefix=start, rows=rows)
        return map(_upload, found)

    def begin(self, upload: Upload) -> None:
        """Record a new upload.

        Raises:
            OssError: NoSuchBucket, ServiceUnavailable (the disk is full).
        """

        def work() -> None:
            self._buckets.get(upload.bucket)
            attributes = upload.attributes
            self._database.run(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
                upload.upload_id,
                upload.bucket,
                encode_key(upload.key),
                upload.initiated,
                json.dumps(
                    {
                        **attributes.headers,
                        **storage_document(attributes.storage),
                        _ACL: attributes.acl,
                        _TAGGING: attributes.tagging,
                        _SEQUENTIAL: upload.sequential,
                    }
                ),
            )

        self._database.write(work)

    def put_part(self, upload: Upload, part: Part, check: Callable[[int], None]) -> None:
        """Record a part; one of the same number is replaced.

        Args:
            upload: the upload.
            part: the part.
            check: gets the greatest number of the parts that are there (0: none is), and raises to refuse.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile), ServiceUnavailable (the disk is full), and what `check` raises.
        """

        def work() -> list[str]:
            self.get(upload.bucket, upload.key, upload.upload_id)
            last = self._database.run("SELECT max(number) FROM parts WHERE upload_id = ?", upload.upload_id)
            check(last[0][0] or 0)
            before = self._database.run(
                "SELECT data FROM parts WHERE upload_id = ? AND number = ?", upload.upload_id, part.number
            )
            self._database.run(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                upload.upload_id,
                part.number,
                part.data,
                part.size,
                part.etag,
                str(part.crc64),
                part.modified,
            )
            return [row[0] for row in before]

        self._blobs.drop(self._database.write(work))

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an upload in order of their numbers."""
        rows = self._database.run("SELECT * FROM parts WHERE upload_id = ? ORDER BY number", upload.upload_id)
        return [_part(row) for row in rows]

    @contextmanager
    def open_parts(self, upload: Upload) -> Iterator[list[Part]]:
        """Yield the parts of an upload in order of their numbers; their files stay until the block ends.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        with self._database.lock:
            self.get(upload.bucket, upload.key, upload.upload_id)
            parts = self.parts(upload)
            names = [part.data for part in parts]
            self._blobs.pin(names)
        try:
            yield parts
        finally:
            self._blobs.unpin(names)

    def complete(
        self, upload: Upload, make: Callable[[Bucket, Sequence[Part], StoredObject | None], StoredObject]
    ) -> StoredObject:
        """End an upload by an object and return that.

        Args:
            upload: the upload.
            make: from the bucket, all parts and what stands under the key (None: nothing) to the object, as in
                `ObjectRows.change`.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile), ServiceUnavailable (the disk is full), and what `make` raises.
        """

        def work() -> tuple[list[str], StoredObject]:
            before = self._objects.find(upload.bucket, upload.key)
            parts = self._end(upload)
            after = make(self._buckets.get(upload.bucket), parts, before)
            assert (after.bucket, after.key) == (upload.bucket, upload.key)
            after, freed = self._objects.put(before, after)
            return [part.data for part in parts] + freed, after

        superseded, after = self._database.write(work)
        self._blobs.drop(name for name in superseded if name != after.data)
        return after

    def abort(self, upload: Upload) -> None:
        """Forget an upload and its parts.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        self._blobs.drop(part.data for part in self._database.write(lambda: self._end(upload), frees=True))

    def _end(self, upload: Upload) -> list[Part]:
        self.get(upload.bucket, upload.key, upload.upload_id)
        parts = self.parts(upload)
        self._database.run("DELETE FROM uploads WHERE upload_id = ?", upload.upload_id)
        self._database.run("DELETE FROM parts WHERE upload_id = ?", upload.upload_id)
        return parts


def _part(row: Row) -> Part:
    _, number, data, size, etag, crc64, modified = row
    return Part(number=number, data=data, size=size, etag=etag, crc64=int(crc64), modified=modified)


def _upload(row: Row) -> Upload:
    bucket, key, upload_id, initiated, document = row
    headers = json.loads(document)
    acl, tagging = headers.pop(_ACL, "default"), headers.pop(_TAGGING, None)
    sequential = headers.pop(_SEQUENTIAL, False)
    return Upload(
        upload_id=upload_id,
        bucket=bucket,
        key=decode_key(key),
        initiated=initiated,
        attributes=Attributes(storage=pop_storage(headers), headers=headers, acl=acl, tagging=tagging),
        sequential=sequential,
    )
