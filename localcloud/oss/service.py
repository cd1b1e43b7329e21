"""The OSS domain: buckets, objects, multipart uploads. No HTTP, no signatures, no policies in here.

Function Compute and ROS call it in process; `handlers` put it on the wire. Methods block (they write files), are thread-safe, and
raise `OssError` with the documented code.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from localcloud.oss.errors import OssError
from localcloud.oss.listing import Page, list_page
from localcloud.oss.model import (
    MAX_COPY,
    MAX_KEY,
    MAX_PARTS,
    MIN_PART,
    Blob,
    Bucket,
    ObjectEvent,
    Part,
    StoredObject,
    Upload,
)
from localcloud.oss.storage import BlobWriter, Storage

ACLS = frozenset({"private", "public-read", "public-read-write"})
CHUNK = 1024 * 1024  # bytes
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)

Subscriber = Callable[[ObjectEvent], None]


class OssService:
    """Buckets and objects of one account in one region.

    Args:
        folder: where they are kept.
        account_id: the owner of every bucket.
        clock: seconds since the epoch.
    """

    def __init__(self, folder: Path, *, account_id: str, clock: Callable[[], float]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = Storage(folder)
        self._account_id = account_id
        self._clock = clock
        self._subscribers: list[Subscriber] = []

    def close(self) -> None:
        """Close the store; nothing may be called afterwards."""
        self._storage.close()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have every object event told to a function, after it is durable, in the thread that caused it."""
        self._subscribers.append(subscriber)

    def _tell(self, name: str, item: StoredObject, requester: str) -> None:
        event = ObjectEvent(
            name=name,
            bucket=item.bucket,
            key=item.key,
            size=item.size,
            etag=item.etag,
            time=self._clock(),
            requester=requester,
        )
        for subscriber in self._subscribers:
            subscriber(event)

    # Buckets

    def create_bucket(self, name: str, *, acl: str = "private", storage_class: str = "Standard") -> Bucket:
        """Create a bucket; creating one's own again is allowed and changes its ACL only.

        Raises:
            OssError: InvalidBucketName, InvalidArgument (ACL), BucketAlreadyExists (someone else's).
        """
        if not _BUCKET_NAME.fullmatch(name):
            raise OssError(
                "InvalidBucketName",
                "The specified bucket is not valid: 3 to 63 lower-case letters, digits and hyphens, no hyphen at an end.",
                {"BucketName": name},
            )
        _check_acl(acl)
        existing = self._storage.bucket(name)
        if existing and existing.owner != self._account_id:
            raise OssError(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
                "Please select a different name and try again.",
                {"BucketName": name},
            )
        bucket = (
            replace(existing, acl=acl)
            if existing
            else Bucket(name=name, owner=self._account_id, created=self._clock(), acl=acl, storage_class=storage_class)
        )
        self._storage.put_bucket(bucket)
        return bucket

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        bucket = self._storage.bucket(name)
        if bucket is None:
            raise OssError("NoSuchBucket", "The specified bucket does not exist.", {"BucketName": name})
        return bucket

    def buckets(self) -> list[Bucket]:
        """Return all buckets in order of their names."""
        return self._storage.buckets()

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: NoSuchBucket, BucketNotEmpty.
        """
        self.bucket(name)
        self._storage.delete_bucket(name)

    def empty_bucket(self, name: str) -> None:
        """Delete all that is in a bucket: objects and unfinished uploads."""
        self.bucket(name)
        for item in self._storage.objects_after(name, "", ""):
            self._storage.delete(name, item.key)
        for upload in self._storage.uploads_after(name, "", ""):
            self._storage.end_upload(upload.upload_id)

    def set_bucket_acl(self, name: str, acl: str) -> None:
        """Change a bucket's ACL."""
        _check_acl(acl)
        self._storage.put_bucket(replace(self.bucket(name), acl=acl))

    def set_bucket_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the XML document of a subresource (lifecycle, encryption, tagging, …), or remove it with None."""
        bucket = self.bucket(name)
        settings = {key: value for key, value in bucket.settings.items() if key != setting}
        if document is not None:
            settings[setting] = document
        self._storage.put_bucket(replace(bucket, settings=settings))

    # Objects

    def new_blob(self) -> BlobWriter:
        """Return a writer for the bytes of an object or a part; pass what it finishes to `put_object` or `put_part`."""
        return self._storage.new_blob()

    def discard(self, blob: Blob) -> None:
        """Remove bytes that were written but will not be committed."""
        self._storage.drop(blob.data)

    def write(self, chunks: Iterable[bytes]) -> Blob:
        """Make bytes durable; they belong to nothing until they are committed."""
        writer = self.new_blob()
        try:
            for chunk in chunks:
                writer.write(chunk)
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    def put_object(
        self,
        bucket: str,
        key: str,
        content: Blob | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        acl: str = "default",
        tagging: str | None = None,
        etag: str | None = None,
        overwrite: bool = True,
        event: str = "ObjectCreated:PutObject",
        requester: str = "",
    ) -> StoredObject:
        """Create or replace an object, all at once.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            content: its bytes, or a blob that was written before.
            headers: content headers and `x-oss-meta-*`, lower-case names.
            acl: default, private, public-read or public-read-write.
            tagging: the XML of its tags.
            etag: its entity tag; None: that of its bytes.
            overwrite: False refuses to replace an object.
            event: what subscribers are told.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, InvalidArgument (ACL), FileAlreadyExists.
        """
        blob = self.write([content]) if isinstance(content, bytes) else content
        try:
            self.bucket(bucket)
            check_key(key)
            if acl != "default":
                _check_acl(acl)
            item = StoredObject(
                bucket=bucket,
                key=key,
                data=blob.data,
                size=blob.size,
                etag=etag or blob.etag,
                crc64=blob.crc64,
                modified=self._clock(),
                kind="Normal",
                headers=dict(headers or {}),
                acl=acl,
                tagging=tagging,
            )
            self._storage.put(item, expected=True if overwrite else None)
        except LookupError as error:
            self.discard(blob)
            raise _already_exists(key) from error
        except BaseException:
            self.discard(blob)
            raise
        self._tell(event, item, requester)
        return item

    def put_symlink(
        self, bucket: str, key: str, target: str, *, headers: Mapping[str, str], requester: str = ""
    ) -> StoredObject:
        """Create an object that stands for another one of the same bucket."""
        check_key(target)
        self.bucket(bucket)
        check_key(key)
        blob = self.write([])
        item = StoredObject(
            bucket=bucket,
            key=key,
            data=blob.data,
            size=0,
            etag=hashlib.md5(target.encode(), usedforsecurity=False).hexdigest().upper(),
            crc64=0,
            modified=self._clock(),
            kind="Symlink",
            headers={**headers, "x-oss-symlink-target": target},
        )
        self._storage.put(item)
        self._tell("ObjectCreated:PutSymlink", item, requester)
        return item

    def object(self, bucket: str, key: str) -> StoredObject:
        """Return what is known of an object.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        self.bucket(bucket)
        item = self._storage.get(bucket, key)
        if item is None:
            raise OssError("NoSuchKey", "The specified key does not exist.", {"Key": key})
        return item

    def resolve(self, bucket: str, key: str) -> StoredObject:
        """Return an object, or what a symlink stands for.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchSymlinkTarget, InvalidArgument (a symlink to a symlink).
        """
        item = self.object(bucket, key)
        if item.kind != "Symlink":
            return item
        target = self._storage.get(bucket, item.headers["x-oss-symlink-target"])
        if target is None:
            raise OssError("NoSuchSymlinkTarget", "The target of the symlink does not exist.", {"Key": key})
        if target.kind == "Symlink":
            raise OssError("InvalidArgument", "The target of a symlink must not be a symlink.", {"Key": key})
        return target

    @contextmanager
    def reading(self, item: StoredObject) -> Iterator[Path]:
        """Yield the file with an object's bytes; it stays until the block ends, also when the object is replaced."""
        with self._storage.reading(item.data) as path:
            yield path

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; for small objects."""
        with self.reading(self.resolve(bucket, key)) as path:
            return path.read_bytes()

    def delete_object(
        self, bucket: str, key: str, *, event: str = "ObjectRemoved:DeleteObject", requester: str = ""
    ) -> None:
        """Delete an object; one that does not exist is no error."""
        self.bucket(bucket)
        item = self._storage.delete(bucket, key)
        if item:
            self._tell(event, item, requester)

    def set_object_acl(self, bucket: str, key: str, acl: str) -> None:
        """Change an object's ACL."""
        if acl != "default":
            _check_acl(acl)
        self._storage.put(replace(self.object(bucket, key), acl=acl))

    def set_object_tagging(self, bucket: str, key: str, tagging: str | None) -> None:
        """Change an object's tags."""
        self._storage.put(replace(self.object(bucket, key), tagging=tagging))

    def copy_object(
        self,
        source: StoredObject,
        bucket: str,
        key: str,
        *,
        headers: Mapping[str, str] | None = None,
        acl: str = "default",
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Copy an object of up to 1 GB. That the copy keeps the source's entity tag is assumed for one that was uploaded in parts.

        Args:
            source: what to copy.
            bucket: the target's bucket.
            key: the target's key.
            headers: the target's headers; None: the source's.
            acl: the target's ACL.
            overwrite: False refuses to replace an object.
            requester: told to subscribers.

        Raises:
            OssError: EntityTooLarge, and what `put_object` raises.
        """
        if source.size > MAX_COPY:
            raise OssError(
                "EntityTooLarge",
                f"The source object is larger than {MAX_COPY} bytes; copy it with UploadPartCopy.",
                {"MaxSizeAllowed": str(MAX_COPY), "ProposedSize": str(source.size)},
            )
        if (source.bucket, source.key) == (bucket, key):
            self.bucket(bucket)
            item = replace(
                source, headers=dict(source.headers if headers is None else headers), modified=self._clock(), acl=acl
            )
            self._storage.put(item)
            self._tell("ObjectCreated:CopyObject", item, requester)
            return item
        return self.put_object(
            bucket,
            key,
            self._share(source),
            headers=source.headers if headers is None else headers,
            acl=acl,
            tagging=source.tagging,
            etag=source.etag,
            overwrite=overwrite,
            event="ObjectCreated:CopyObject",
            requester=requester,
        )

    def _share(self, source: StoredObject) -> Blob:
        with self.reading(source):
            name = self._storage.share(source.data)
        return Blob(data=name, path=self._storage.path(name), size=source.size, md5=b"", crc64=source.crc64)

    def _copy_bytes(self, source: StoredObject, begin: int, end: int) -> Blob:
        with self.reading(source) as path, path.open("rb") as file:
            file.seek(begin)
            return self.write(_chunks(file.read, end - begin))

    def append_object(
        self,
        bucket: str,
        key: str,
        position: int,
        blob: Blob,
        *,
        headers: Mapping[str, str],
        acl: str = "default",
        requester: str = "",
    ) -> StoredObject:
        """Append to an appendable object; position 0 creates it.

        Raises:
            OssError: PositionNotEqualToLength (which names the right one), ObjectNotAppendable, NoSuchBucket.
        """
        try:
            self.bucket(bucket)
            check_key(key)
            before = self._storage.get(bucket, key)
            if before and before.kind != "Appendable":
                raise OssError("ObjectNotAppendable", "The object is not appendable", {"Key": key})
            length = before.size if before else 0
            if position != length:
                raise OssError(
                    "PositionNotEqualToLength",
                    "Position is not equal to file length",
                    {"Position": str(position), "ObjectLength": str(length)},
                    headers={"x-oss-next-append-position": str(length)},
                )
            whole = self._concatenate([before.data, blob.data]) if before else blob
            item = StoredObject(
                bucket=bucket,
                key=key,
                data=whole.data,
                size=whole.size,
                etag=whole.etag,
                crc64=whole.crc64,
                modified=self._clock(),
                kind="Appendable",
                headers=before.headers if before else dict(headers),
                acl=before.acl if before else acl,
                tagging=before.tagging if before else None,
            )
            self._storage.put(item, expected=before)
            if before:
                self.discard(blob)
        except LookupError as error:
            self.discard(blob)
            now = self.object(bucket, key)
            raise OssError(
                "PositionNotEqualToLength",
                "The object was changed meanwhile",
                {"Key": key},
                headers={"x-oss-next-append-position": str(now.size)},
            ) from error
        except BaseException:
            self.discard(blob)
            raise
        self._tell("ObjectCreated:AppendObject", item, requester)
        return item

    def _concatenate(self, names: Sequence[str]) -> Blob:
        def chunks() -> Iterator[bytes]:
            for name in names:
                with self._storage.path(name).open("rb") as file:
                    yield from iter(lambda: file.read(CHUNK), b"")

        return self.write(chunks())

    def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", limit: int = 100
    ) -> Page[StoredObject]:
        """Return one page of a bucket's objects; see `listing.list_page`."""
        self.bucket(bucket)
        return list_page(
            lambda after: self._storage.objects_after(bucket, prefix, after),
            lambda item: item.key,
            prefix=prefix,
            delimiter=delimiter,
            marker=marker,
            limit=limit,
        )

    # Multipart uploads

    def begin_upload(self, bucket: str, key: str, *, headers: Mapping[str, str]) -> Upload:
        """Begin a multipart upload."""
        self.bucket(bucket)
        check_key(key)
        upload = Upload(
            bucket=bucket,
            key=key,
            upload_id=uuid.uuid4().hex.upper(),
            initiated=self._clock(),
            headers=dict(headers),
        )
        self._storage.begin_upload(upload)
        return upload

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an unfinished upload.

        Raises:
            OssError: NoSuchBucket, NoSuchUpload.
        """
        self.bucket(bucket)
        upload = self._storage.upload(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise OssError(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
                "completed.",
                {"UploadId": upload_id},
            )
        return upload

    def uploads(self, bucket: str, *, prefix: str = "", marker: str = "") -> list[Upload]:
        """Return a bucket's unfinished uploads in order of their keys."""
        self.bucket(bucket)
        return list(self._storage.uploads_after(bucket, prefix, marker))

    def put_part(self, upload: Upload, number: int, blob: Blob) -> Part:
        """Add a part, or replace the one of the same number.

        Raises:
            OssError: InvalidArgument (number), NoSuchUpload (it ended meanwhile).
        """
        if not 1 <= number <= MAX_PARTS:
            self.discard(blob)
            raise OssError(
                "InvalidArgument",
                f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive.",
                {"ArgumentName": "partNumber", "ArgumentValue": str(number)},
            )
        part = Part(
            number=number, data=blob.data, size=blob.size, etag=blob.etag, crc64=blob.crc64, modified=self._clock()
        )
        if not self._storage.put_part(upload.upload_id, part):
            self.discard(blob)
            self.upload(upload.bucket, upload.key, upload.upload_id)
        return part

    def copy_part(self, upload: Upload, number: int, source: StoredObject, begin: int, end: int) -> Part:
        """Add a part with bytes `begin` (inclusive) to `end` (exclusive) of an object."""
        return self.put_part(upload, number, self._copy_bytes(source, begin, end))

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an unfinished upload in order of their numbers."""
        return self._storage.parts(upload.upload_id)

    def complete_upload(
        self,
        upload: Upload,
        chosen: Sequence[tuple[int, str]] | None,
        *,
        acl: str = "default",
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Make an object of the parts.

        Args:
            upload: the upload.
            chosen: part numbers with their entity tags, in ascending order; None: all parts that were uploaded.
            acl: the object's ACL.
            overwrite: False refuses to replace an object.
            requester: told to subscribers.

        Raises:
            OssError: InvalidPart, InvalidPartOrder, EntityTooSmall, FileAlreadyExists.
        """
        uploaded = {part.number: part for part in self.parts(upload)}
        parts = _choose(uploaded, chosen)
        if not overwrite and self._storage.get(upload.bucket, upload.key):
            raise _already_exists(upload.key)
        whole = self._concatenate([part.data for part in parts])
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
        item = StoredObject(
            bucket=upload.bucket,
            key=upload.key,
            data=whole.data,
            size=whole.size,
            etag=f"{hashlib.md5(digests, usedforsecurity=False).hexdigest().upper()}-{len(parts)}",
            crc64=whole.crc64,
            modified=self._clock(),
            kind="Multipart",
            headers=upload.headers,
            acl=acl,
        )
        self._storage.end_upload(upload.upload_id, item)
        self._tell("ObjectCreated:CompleteMultipartUpload", item, requester)
        return item

    def abort_upload(self, upload: Upload) -> None:
        """Forget an upload and the bytes of its parts."""
        self._storage.end_upload(upload.upload_id)

    def free_bytes(self) -> int:
        """Return the free space of the disk that holds the objects, in bytes."""
        return shutil.disk_usage(self._storage.path("")).free


def _choose(uploaded: Mapping[int, Part], chosen: Sequence[tuple[int, str]] | None) -> list[Part]:
    wanted = [(part.number, part.etag) for part in uploaded.values()] if chosen is None else list(chosen)
    numbers = [number for number, _ in wanted]
    if not wanted:
        raise OssError("InvalidPart", "An upload without parts cannot be completed.")
    if numbers != sorted(set(numbers)):
        raise OssError("InvalidPartOrder", "The list of parts was not in ascending order.")
    parts = []
    for number, etag in wanted:
        part = uploaded.get(number)
        if part is None or part.etag != etag.strip('"').upper():
            raise OssError(
                "InvalidPart",
                "One or more of the specified parts could not be found or the specified entity tag might not have matched "
                "the part's entity tag.",
                {"PartNumber": str(number), "ETag": etag},
            )
        parts.append(part)
    for part in parts[:-1]:
        if part.size < MIN_PART:
            raise OssError(
                "EntityTooSmall",
                "Your proposed upload smaller than the minimum allowed size.",
                {"MinSizeAllowed": str(MIN_PART), "ProposedSize": str(part.size), "PartNumber": str(part.number)},
            )
    return parts


def _chunks(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length:
        chunk = read(min(CHUNK, length))
        if not chunk:
            raise OssError("InternalError", "The data of the source object ended early.")
        length -= len(chunk)
        yield chunk


def check_key(key: str) -> None:
    """Refuse what cannot be an object's key (OSS, "Objects": naming conventions).

    Raises:
        OssError: InvalidObjectName.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        length = 0
    if not 1 <= length <= MAX_KEY or key[0] in "/\\":
        raise OssError(
            "InvalidObjectName",
            f"The specified object is not valid: 1 to {MAX_KEY} bytes of UTF-8 that begin neither with / nor with \\.",
            {"ObjectName": key.encode("utf-8", "replace").decode()},
        )


def check_md5(header: str | None, blob: Blob) -> None:
    """Compare Content-MD5 with what arrived.

    Raises:
        OssError: InvalidDigest (no MD5 at all), BadDigest (another one).
    """
    if not header:
        return
    try:
        expected = base64.b64decode(header, validate=True)
    except ValueError:
        expected = b""
    if len(expected) != hashlib.md5(usedforsecurity=False).digest_size:
        raise OssError("InvalidDigest", "The Content-MD5 you specified is not valid.", {"Content-MD5": header})
    if expected != blob.md5:
        raise OssError(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            {"Content-MD5": header, "Calculated": base64.b64encode(blob.md5).decode()},
        )


def _check_acl(acl: str) -> None:
    if acl not in ACLS:
        raise OssError(
            "InvalidArgument",
            f"no such bucket access control exists: {acl}; expected one of {', '.join(sorted(ACLS))}",
            {"ArgumentName": "x-oss-acl", "ArgumentValue": acl},
        )


def _already_exists(key: str) -> OssError:
    return OssError(
        "FileAlreadyExists", "The object you specified already exists and can not be overwritten.", {"Key": key}
    )
