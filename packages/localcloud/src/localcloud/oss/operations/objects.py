"""The OSS domain: buckets, objects, multipart uploads. No HTTP, no signatures, no policies in here.

Function Compute and ROS call it in process; `handlers` put it on the wire. Methods block (they write files), are thread-safe, and
raise `OssError` with the documented code.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from localcloud.oss.store.database import BlobWriter, Storage
from localcloud.oss.xml import parse

ACLS = frozenset({"private", "public-read", "public-read-write"})
CHUNK = 1024 * 1024  # bytes
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)

Subscriber = Callable[[ObjectEvent], None]
Permit = Callable[[str, str], None]  # from an object's key and the ACL in effect for it; raises to refuse
Check = Callable[[StoredObject], None]  # raises to refuse


def anybody(key: str, acl: str) -> None:
    """Permit everything: for callers that nobody else stands behind."""


def anything(item: StoredObject) -> None:
    """Let every object pass."""


class _PartsChangedError(Exception):
    """A part was uploaded again while its upload was completed."""


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
            OssError: InvalidBucketName, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks),
                BucketAlreadyExists (someone else's).
        """
        if not _BUCKET_NAME.fullmatch(name):
            raise OssError(
                "InvalidBucketName",
                "The specified bucket is not valid: 3 to 63 lower-case letters, digits and hyphens, no hyphen at an end.",
                {"BucketName": name},
            )

        def change(existing: Bucket | None) -> Bucket:
            if existing is None:
                _check_acl(acl)
                return Bucket(
                    name=name, owner=self._account_id, created=self._clock(), acl=acl, storage_class=storage_class
                )
            if existing.owner != self._account_id:
                raise OssError(
                    "BucketAlreadyExists",
                    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
                    "Please select a different name and try again.",
                    {"BucketName": name},
                )
            return _with_acl(existing, acl)

        return self._storage.change_bucket(name, change)

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        return self._storage.bucket(name)

    def buckets(self) -> list[Bucket]:
        """Return all buckets in order of their names."""
        return self._storage.buckets()

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: NoSuchBucket, BucketNotEmpty.
        """
        self._storage.delete_bucket(name)

    def empty_bucket(self, name: str) -> None:
        """Delete all that is in a bucket: objects and unfinished uploads."""
        self.bucket(name)
        for item in self._storage.objects_after(name, "", ""):
            self._storage.delete_object(name, item.key)
        for upload in self._storage.uploads_after(name, "", ""):
            self._storage.abort_upload(upload)

    def set_bucket_acl(self, name: str, acl: str) -> None:
        """Change a bucket's ACL.

        Raises:
            OssError: NoSuchBucket, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks).
        """
        self._change_bucket(name, lambda bucket: _with_acl(bucket, acl))

    def set_bucket_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the XML document of a subresource (lifecycle, encryption, tagging, …), or remove it with None.

        Raises:
            OssError: NoSuchBucket.
        """

        def change(bucket: Bucket) -> Bucket:
            settings = {key: value for key, value in bucket.settings.items() if key != setting}
            return replace(bucket, settings=settings if document is None else {**settings, setting: document})

        self._change_bucket(name, change)

    def _change_bucket(self, name: str, change: Callable[[Bucket], Bucket]) -> None:
        def change_existing(bucket: Bucket | None) -> Bucket:
            return change(self.bucket(name) if bucket is None else bucket)  # which says that there is none

        self._storage.change_bucket(name, change_existing)

    # Objects

    def new_blob(self) -> BlobWriter:
        """Return a writer for the bytes of an object or a part; pass what it finishes to `put_object` or `put_part`."""
        return self._storage.new_blob()

    def discard(self, blob: Blob) -> None:
        """Remove bytes that were written but will not be committed."""
        self._storage.drop([blob.data])

    @contextmanager
    def _giving(self, blob: Blob) -> Iterator[None]:
        """Remove a blob when it was not committed."""
        try:
            yield
        except BaseException:
            self.discard(blob)
            raise

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

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            if before and not overwrite:
                raise _already_exists(key)
            _check_object_acl(holder, acl)
            return StoredObject(
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

        with self._giving(blob):
            check_key(key)
            item = self._storage.change_object(bucket, key, change)
        self._tell(event, item, requester)
        return item

    def put_symlink(
        self,
        bucket: str,
        key: str,
        target: str,
        *,
        headers: Mapping[str, str],
        acl: str = "default",
        tagging: str | None = None,
        requester: str = "",
    ) -> StoredObject:
        """Create an object that stands for another one of the same bucket; `acl` and `tagging` are its own.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks).
        """
        check_key(target)
        check_key(key)
        self.bucket(bucket)
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
            acl=acl,
            tagging=tagging,
        )

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            _check_object_acl(holder, acl)
            return item

        with self._giving(blob):
            self._storage.change_object(bucket, key, change)
        self._tell("ObjectCreated:PutSymlink", item, requester)
        return item

    def object(self, bucket: str, key: str) -> StoredObject:
        """Return what is known of an object.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        self.bucket(bucket)
        item = self._storage.object(bucket, key)
        if item is None:
            raise _no_such_key(key)
        return item

    def object_acl(self, bucket: str, key: str) -> str:
        """Return the ACL in effect for an object, or for a new one under its key.

        Raises:
            OssError: NoSuchBucket.
        """
        return effective_acl(self.bucket(bucket), self._storage.object(bucket, key))

    @contextmanager
    def opened(self, bucket: str, key: str, *, permit: Permit = anybody) -> Iterator[tuple[StoredObject, Path]]:
        """Yield an object, or what a symlink stands for, and the file with its bytes, which stays until the block ends.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            permit: asked for the object, and for what a symlink stands for, before anything is said of it.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchSymlinkTarget, InvalidArgument (a symlink to a symlink), and what `permit`
                raises.
        """
        holder = self.bucket(bucket)
        with ExitStack() as stack:

            def look_up(key: str) -> tuple[StoredObject, Path] | None:
                found = stack.enter_context(self._storage.open_object(bucket, key))
                permit(key, effective_acl(holder, found[0] if found else None))
                return found

            found = look_up(key)
            if found is None:
                raise _no_such_key(key)
            if found[0].kind == "Symlink":
                found = look_up(found[0].headers["x-oss-symlink-target"])
                if found is None:
                    raise OssError("NoSuchSymlinkTarget", "The target of the symlink does not exist.", {"Key": key})
                if found[0].kind == "Symlink":
                    raise OssError("InvalidArgument", "The target of a symlink must not be a symlink.", {"Key": key})
            yield found

    def read(self, bucket: str, key: str, *, permit: Permit = anybody) -> bytes:
        """Return an object's bytes, opened as by `opened`; for small objects."""
        with self.opened(bucket, key, permit=permit) as (_, path):
            return path.read_bytes()

    def delete_object(
        self, bucket: str, key: str, *, event: str = "ObjectRemoved:DeleteObject", requester: str = ""
    ) -> None:
        """Delete an object; one that does not exist is no error."""
        item = self._storage.delete_object(bucket, key)
        if item:
            self._tell(event, item, requester)

    def set_object_acl(self, bucket: str, key: str, acl: str) -> None:
        """Change an object's ACL.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks).
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            _check_object_acl(holder, acl)
            return replace(_existing(before, key), acl=acl)

        self._storage.change_object(bucket, key, change)

    def set_object_tagging(self, bucket: str, key: str, tagging: str | None) -> None:
        """Change an object's tags.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        self._storage.change_object(
            bucket, key, lambda holder, before: replace(_existing(before, key), tagging=tagging)
        )

    def copy_object(
        self,
        source: tuple[str, str],
        bucket: str,
        key: str,
        *,
        permit: Permit = anybody,
        check: Check = anything,
        headers: Mapping[str, str] | None = None,
        acl: str = "default",
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Copy an object of up to 1 GB. That the copy keeps the source's entity tag is assumed for one that was uploaded in parts.

        Args:
            source: bucket and key of what to copy, or of a symlink to it.
            bucket: the target's bucket.
            key: the target's key.
            permit: asked for the source, as in `opened`.
            check: asked for the conditions on the source.
            headers: the target's headers; None: the source's.
            acl: the target's ACL.
            overwrite: False refuses to replace an object.
            requester: told to subscribers.

        Raises:
            OssError: EntityTooLarge, and what `opened`, `check` and `put_object` raise.
        """
        with self.opened(*source, permit=permit) as (item, path):
            check(item)
            if item.size > MAX_COPY:
                raise OssError(
                    "EntityTooLarge",
                    f"The source object is larger than {MAX_COPY} bytes; copy it with UploadPartCopy.",
                    {"MaxSizeAllowed": str(MAX_COPY), "ProposedSize": str(item.size)},
                )
            if (item.bucket, item.key) != (bucket, key):
                self.bucket(bucket)
                name = self._storage.share(path)
                return self.put_object(
                    bucket,
                    key,
                    Blob(data=name, path=self._storage.path(name), size=item.size, md5=b"", crc64=item.crc64),
                    headers=item.headers if headers is None else headers,
                    acl=acl,
                    tagging=item.tagging,
                    etag=item.etag,
                    overwrite=overwrite,
                    event="ObjectCreated:CopyObject",
                    requester=requester,
                )

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            if not overwrite:
                raise _already_exists(key)
            _check_object_acl(holder, acl)
            present = _existing(before, key)
            if present.kind == "Symlink":  # put there meanwhile
                raise _no_such_key(key)
            check(present)
            return replace(
                present, headers=dict(present.headers if headers is None else headers), modified=self._clock(), acl=acl
            )

        copied = self._storage.change_object(bucket, key, change)
        self._tell("ObjectCreated:CopyObject", copied, requester)
        return copied

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
        with self._giving(blob), ExitStack() as stack:
            check_key(key)
            found = stack.enter_context(self._storage.open_object(bucket, key))
            whole = blob
            if found:
                _check_position(found[0], key, position)
                whole = self._concatenate([found[1], blob.path])
                stack.enter_context(self._giving(whole))

            def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
                _check_position(before, key, position)
                if before is None:
                    _check_object_acl(holder, acl)
                    return StoredObject(
                        bucket=bucket,
                        key=key,
                        data=whole.data,
                        size=whole.size,
                        etag=whole.etag,
                        crc64=whole.crc64,
                        modified=self._clock(),
                        kind="Appendable",
                        headers=dict(headers),
                        acl=acl,
                    )
                if found is None or before.data != found[0].data:  # replaced meanwhile by one of the same length
                    raise _wrong_position(position, before.size)
                return replace(
                    before,
                    data=whole.data,
                    size=whole.size,
                    etag=whole.etag,
                    crc64=whole.crc64,
                    modified=self._clock(),
                )

            item = self._storage.change_object(bucket, key, change)
        if item.data != blob.data:
            self.discard(blob)
        self._tell("ObjectCreated:AppendObject", item, requester)
        return item

    def _concatenate(self, paths: Sequence[Path]) -> Blob:
        def chunks() -> Iterator[bytes]:
            for path in paths:
                with path.open("rb") as file:
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

    def begin_upload(
        self,
        bucket: str,
        key: str,
        *,
        headers: Mapping[str, str],
        acl: str = "default",
        tagging: str | None = None,
    ) -> Upload:
        """Begin a multipart upload; headers, ACL and tags are those of the object to come.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks).
        """
        check_key(key)
        _check_object_acl(self.bucket(bucket), acl)
        upload = Upload(
            bucket=bucket,
            key=key,
            upload_id=uuid.uuid4().hex.upper(),
            initiated=self._clock(),
            headers=dict(headers),
            acl=acl,
            tagging=tagging,
        )
        self._storage.begin_upload(upload)
        return upload

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an unfinished upload.

        Raises:
            OssError: NoSuchBucket, NoSuchUpload.
        """
        self.bucket(bucket)
        return self._storage.upload(bucket, key, upload_id)

    def uploads(self, bucket: str, *, prefix: str = "", marker: str = "") -> list[Upload]:
        """Return a bucket's unfinished uploads in order of their keys."""
        self.bucket(bucket)
        return list(self._storage.uploads_after(bucket, prefix, marker))

    def put_part(self, upload: Upload, number: int, blob: Blob) -> Part:
        """Add a part, or replace the one of the same number.

        Raises:
            OssError: InvalidArgument (number), NoSuchUpload (it ended meanwhile).
        """
        part = Part(
            number=number, data=blob.data, size=blob.size, etag=blob.etag, crc64=blob.crc64, modified=self._clock()
        )
        with self._giving(blob):
            if not 1 <= number <= MAX_PARTS:
                raise OssError(
                    "InvalidArgument",
                    f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive.",
                    {"ArgumentName": "partNumber", "ArgumentValue": str(number)},
                )
            self._storage.put_part(upload, part)
        return part

    def copy_part(
        self,
        upload: Upload,
        number: int,
        source: tuple[str, str],
        *,
        permit: Permit = anybody,
        interval: Callable[[StoredObject], tuple[int, int]],
    ) -> Part:
        """Add a part with bytes of an object.

        Args:
            upload: the upload.
            number: the part's number.
            source: bucket and key of what to copy, or of a symlink to it.
            permit: asked for the source, as in `opened`.
            interval: from the source to the half-open interval of its bytes; raises to refuse.

        Raises:
            OssError: what `opened`, `interval` and `put_part` raise.
        """
        with self.opened(*source, permit=permit) as (item, path), path.open("rb") as file:
            begin, end = interval(item)
            file.seek(begin)
            blob = self.write(_chunks(file.read, end - begin))
        return self.put_part(upload, number, blob)

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an unfinished upload in order of their numbers."""
        return self._storage.parts(upload)

    def complete_upload(
        self,
        upload: Upload,
        chosen: Sequence[tuple[int, str]] | None,
        *,
        acl: str | None = None,
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Make an object of the parts.

        Args:
            upload: the upload.
            chosen: part numbers with their entity tags, in ascending order; None: all parts that were uploaded.
            acl: the object's ACL; None: the one that the upload began with (that the later one counts is assumed).
            overwrite: False refuses to replace an object.
            requester: told to subscribers.

        Raises:
            OssError: InvalidPart, InvalidPartOrder, EntityTooSmall, FileAlreadyExists, NoSuchUpload (it has ended meanwhile),
                AccessDenied (a public ACL, which the bucket blocks).
        """
        while (
            item := self._complete(upload, chosen, acl=upload.acl if acl is None else acl, overwrite=overwrite)
        ) is None:  # who names no parts gets those of the moment when the upload ends
            if chosen is not None:
                raise OssError("InvalidPart", "A part was uploaded again while the upload was completed.")
        self._tell("ObjectCreated:CompleteMultipartUpload", item, requester)
        return item

    def _complete(
        self, upload: Upload, chosen: Sequence[tuple[int, str]] | None, *, acl: str, overwrite: bool
    ) -> StoredObject | None:
        """Make an object of the parts; None: they changed meanwhile, and the upload is as it was."""
        with self._storage.open_parts(upload) as uploaded:
            parts = _choose(uploaded, chosen)
            whole = self._concatenate([self._storage.path(part.data) for part in parts])
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)

        def make(holder: Bucket, uploaded: Sequence[Part], before: StoredObject | None) -> StoredObject:
            if before and not overwrite:
                raise _already_exists(upload.key)
            _check_object_acl(holder, acl)
            if _choose(uploaded, chosen) != parts:
                raise _PartsChangedError
            return StoredObject(
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
                tagging=upload.tagging,
            )

        try:
            with self._giving(whole):
                return self._storage.complete_upload(upload, make)
        except _PartsChangedError:
            return None

    def abort_upload(self, upload: Upload) -> None:
        """Forget an upload and the bytes of its parts.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        self._storage.abort_upload(upload)


def _choose(uploaded: Sequence[Part], chosen: Sequence[tuple[int, str]] | None) -> list[Part]:
    by_number = {part.number: part for part in uploaded}
    wanted = [(part.number, part.etag) for part in uploaded] if chosen is None else list(chosen)
    numbers = [number for number, _ in wanted]
    if not wanted:
        raise OssError("InvalidPart", "An upload without parts cannot be completed.")
    if numbers != sorted(set(numbers)):
        raise OssError("InvalidPartOrder", "The list of parts was not in ascending order.")
    parts = []
    for number, etag in wanted:
        part = by_number.get(number)
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


def _check_acl(acl: str) -> None:
    if acl not in ACLS:
        raise OssError(
            "InvalidArgument",
            f"no such bucket access control exists: {acl}; expected one of {', '.join(sorted(ACLS))}",
            {"ArgumentName": "x-oss-acl", "ArgumentValue": acl},
        )


def _check_object_acl(holder: Bucket, acl: str) -> None:
    if acl == "default":
        return
    _check_acl(acl)
    if acl != "private" and blocks_public_access(holder):
        raise OssError(
            "AccessDenied", "Put public object acl is not allowed: the bucket blocks public access.", {"ObjectAcl": acl}
        )


def _with_acl(bucket: Bucket, acl: str) -> Bucket:
    _check_acl(acl)
    if acl != "private" and blocks_public_access(bucket):
        raise OssError("AccessDenied", "Put public bucket acl is not allowed: the bucket blocks public access.")
    return replace(bucket, acl=acl)


def blocks_public_access(bucket: Bucket) -> bool:
    """Say whether a bucket's setting forbids public ACLs and disregards those that it has.

    Source: OSS, PutBucketPublicAccessBlock.
    """
    document = bucket.settings.get("publicAccessBlock")
    if document is None:
        return False
    return parse(document.encode(), "PublicAccessBlockConfiguration").findtext("BlockPublicAccess") == "true"


def effective_acl(bucket: Bucket, item: StoredObject | None) -> str:
    """Return the ACL that counts for an object; None: for one that does not exist yet."""
    acl = bucket.acl if item is None or item.acl == "default" else item.acl
    return "private" if acl != "private" and blocks_public_access(bucket) else acl


def _existing(item: StoredObject | None, key: str) -> StoredObject:
    if item is None:
        raise _no_such_key(key)
    return item


def _no_such_key(key: str) -> OssError:
    return OssError("NoSuchKey", "The specified key does not exist.", {"Key": key})


def _check_position(item: StoredObject | None, key: str, position: int) -> None:
    if item and item.kind != "Appendable":
        raise OssError("ObjectNotAppendable", "The object is not appendable", {"Key": key})
    length = item.size if item else 0
    if position != length:
        raise _wrong_position(position, length)


def _wrong_position(position: int, length: int) -> OssError:
    return OssError(
        "PositionNotEqualToLength",
        "Position is not equal to file length",
        {"Position": str(position), "ObjectLength": str(length)},
        headers={"x-oss-next-append-position": str(length)},
    )


def _already_exists(key: str) -> OssError:
    return OssError(
        "FileAlreadyExists", "The object you specified already exists and can not be overwritten.", {"Key": key}
    )
