"""Operations on objects: put, read, list, delete, and change ACL and tags in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

from localcloud.oss.errors import OssError
from localcloud.oss.listing import Page, list_page
from localcloud.oss.model import (
    NO_ATTRIBUTES,
    Attributes,
    Blob,
    Bucket,
    Deletion,
    ObjectKind,
    Protection,
    SelectMeta,
    StoredObject,
    Version,
)
from localcloud.oss.operations.acls import check_object_acl, effective_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.keys import already_exists, check_key
from localcloud.oss.operations.restores import is_frozen
from localcloud.oss.settings import objectworm
from localcloud.oss.settings.encryption import check_key_state
from localcloud.oss.settings.table import reads_archives
from localcloud.oss.store.blobs import Blobs

Permit = Callable[[str, str], None]  # from an object's key and the ACL in effect for it; raises to refuse


def anybody(key: str, acl: str) -> None:
    """Permit everything: for callers that nobody else stands behind."""


def seen_through(link: StoredObject, target: StoredObject) -> StoredObject:
    """Return the target of a symlink as it is read: its bytes, the symlink's attributes and version, and the later of both times.

    Sources: OSS, HeadObject, "If the requested object is a symbolic link"; the suites of OSS's SDKs for C++ and C# (the version).
    """
    return replace(
        target,
        kind=ObjectKind.SYMLINK,
        version=link.version,
        attributes=replace(link.attributes, acl=target.attributes.acl),
        modified=max(link.modified, target.modified),
    )


class OpenObject:
    """An object whose file stays until it is closed; a context that yields both, and closes it."""

    __slots__ = ("_blobs", "_pinned", "item")

    def __init__(self, item: StoredObject, blobs: Blobs, pinned: Sequence[str]) -> None:
        self.item = item
        self._blobs = blobs
        self._pinned = pinned

    @property
    def path(self) -> Path:
        """The file with its bytes."""
        return self._blobs.path(self.item.data)

    def close(self) -> None:
        """Let the file go; once."""
        self._blobs.unpin(self._pinned)

    def __enter__(self) -> tuple[StoredObject, Path]:
        return self.item, self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ObjectOperations(Operations):
    """Objects, whoever owns their buckets."""

    def put(
        self,
        bucket: str,
        key: str,
        content: Blob | bytes,
        attributes: Attributes = NO_ATTRIBUTES,
        *,
        etag: str | None = None,
        overwrite: bool = True,
        event: str = "ObjectCreated:PutObject",
        requester: str = "",
        admitted: Bucket | None = None,
    ) -> StoredObject:
        """Create or replace an object, all at once.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            content: its bytes, or a blob that was written before.
            attributes: its headers, ACL and tags.
            etag: its entity tag; None: that of its bytes.
            overwrite: False refuses to replace an object.
            event: the event that subscribers are told.
            requester: the principal's id, told to subscribers.
            admitted: the bucket as the caller was admitted to it, before the bytes came; None: now.

        Raises:
            OssError: NoSuchBucket (or it is another one by now), InvalidObjectName, InvalidArgument (ACL), AccessDenied (a public
                ACL, which the bucket blocks), FileAlreadyExists, FileImmutable (the bucket's retention policy protects what
                stands there).
        """
        blob = self._store.blobs.write([content]) if isinstance(content, bytes) else content

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            self._check_same(holder, admitted)
            if before and not overwrite:
                raise already_exists(key)
            self._check_replaceable(holder, before)
            check_object_acl(holder, attributes.acl)
            return self._make(ObjectKind.NORMAL, holder, key, blob, attributes, etag=etag)

        with self._store.blobs.giving(blob):
            check_key(key)
            item = self._store.objects.change(bucket, key, change)
        self._events.tell(event, item, requester)
        return item

    def get(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return an object, or a version of it, without its bytes.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (the version is a delete marker).
        """
        self._store.buckets.get(bucket)
        return self._existing(self._store.objects.find(bucket, key, version), bucket, key, version)

    def exists(self, bucket: str, key: str) -> bool:
        """Return True if an object stands under a key.

        Raises:
            OssError: NoSuchBucket.
        """
        self._store.buckets.get(bucket)
        return self._store.objects.find(bucket, key) is not None

    def effective_acl(self, bucket: str, key: str) -> str:
        """Return the ACL in effect for an object, or for a new one under its key.

        Raises:
            OssError: NoSuchBucket.
        """
        return effective_acl(self._store.buckets.get(bucket), self._store.objects.find(bucket, key))

    def open(
        self,
        bucket: str,
        key: str,
        version: str | None = None,
        *,
        permit: Permit = anybody,
        frozen: bool = False,
    ) -> OpenObject:
        """Return an object, or the target of a symlink, whose file stays until it is closed.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            version: a version of it; None: the current one.
            permit: asked for the object, and for the target of a symlink, before anything is said of it.
            frozen: its bytes are not read, so that it may be archived.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, SymlinkTargetNotExist, InvalidTargetType (a symlink to a symlink),
                MethodNotAllowed (the version is a delete marker), InvalidObjectState (archived), and what `permit` and
                `check_key_state` raise.
        """
        holder = self._store.buckets.get(bucket)
        pinned: list[str] = []

        def look_up(key: str, version: str | None = None) -> StoredObject | None:
            found = self._store.objects.pin(bucket, key, version)
            if found:
                pinned.append(found.data)
            permit(key, effective_acl(holder, found))
            return found

        try:
            item = self._existing(look_up(key, version), bucket, key, version)
            if item.symlink_target is not None:
                target = look_up(item.symlink_target)
                if target is None:
                    raise OssError("SymlinkTargetNotExist", "The symlink target object does not exist", {"Key": key})
                if target.symlink_target is not None:
                    raise OssError("InvalidTargetType", "The symbolic's target file type is invalid", {"Key": key})
                item = seen_through(item, target)
            if not frozen and is_frozen(item, self._clock()) and not reads_archives(holder, item):
                raise OssError(
                    "InvalidObjectState",
                    "The operation is not valid for the object's state",
                    {"ObjectName": key},
                    {"x-oss-hash-crc64ecma": str(item.crc64)},  # which the SDK for C reads first
                )
            if not frozen:
                check_key_state(item.attributes.storage.encryption, holder.owner, self._key_state)
        except BaseException:
            self._store.blobs.unpin(pinned)
            raise
        return OpenObject(item, self._store.blobs, pinned)

    def read(self, bucket: str, key: str, *, permit: Permit = anybody) -> bytes:
        """Return an object's bytes, opened as by `open`; for small objects."""
        with self.open(bucket, key, permit=permit) as (_, path):
            return path.read_bytes()

    def page(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", limit: int = 100
    ) -> Page[StoredObject]:
        """Return one page of a bucket's objects; see `listing.list_page`.

        Raises:
            OssError: NoSuchBucket.
        """
        self._store.buckets.get(bucket)
        return list_page(
            partial(self._store.objects.after, bucket, prefix),
            lambda item: item.key,
            prefix=prefix,
            delimiter=delimiter,
            marker=marker,
            limit=limit,
        )

    def all(self, bucket: str) -> Iterator[StoredObject]:
        """Yield a bucket's objects in order of their keys, as they are when each page of them is read.

        Raises:
            OssError: NoSuchBucket.
        """
        self._store.buckets.get(bucket)
        return self._store.objects.after(bucket, "", "")

    def versions(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        marker: str = "",
        version_marker: str | None = None,
        limit: int = 100,
    ) -> Page[tuple[Version, bool]]:
        """Return one page of the versions and delete markers in a bucket, and whether each is the latest of its key.

        Args:
            bucket: the bucket's name.
            prefix: see `listing.list_page`.
            delimiter: likewise.
            marker: likewise.
            version_marker: a version of the marker's key: the page begins after it, else after all versions of that key.
            limit: see `listing.list_page`.

        Raises:
            OssError: NoSuchBucket.
        """
        self._store.buckets.get(bucket)
        return list_page(
            partial(self._store.versions.after, bucket, prefix, version=version_marker),
            lambda entry: entry[0].key,
            prefix=prefix,
            delimiter=delimiter,
            marker=marker,
            limit=limit,
        )

    def delete(
        self,
        bucket: str,
        key: str,
        version: str | None = None,
        *,
        event: str = "ObjectRemoved:DeleteObject",
        requester: str = "",
    ) -> Deletion:
        """Delete an object, as `ObjectRows.delete` does; one that does not exist is no error.

        Raises:
            OssError: NoSuchBucket, FileImmutable (the bucket's retention policy, or the object's own protection).
        """

        def may_go(before: StoredObject) -> bool:
            check = self._check_replaceable if version is None else self._check_mutable
            check(self._store.buckets.get(bucket), before)
            return True

        deletion = self._store.objects.delete(bucket, key, now=self._clock(), version=version, when=may_go)
        if deletion.item:
            self._events.tell(event, deletion.item, requester)
        return deletion

    def set_acl(self, bucket: str, key: str, acl: str, version: str | None = None) -> StoredObject:
        """Change the ACL of an object or of a version, and return that.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket
                blocks).
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            check_object_acl(holder, acl)
            item = self._existing(before, bucket, key, version)
            return replace(item, attributes=replace(item.attributes, acl=acl))

        return self._store.objects.change(bucket, key, change, version)

    def set_tagging(self, bucket: str, key: str, tagging: str | None, version: str | None = None) -> StoredObject:
        """Change the tags of an object or of a version to those of an XML document, or remove them with None, and return that.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion.
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            item = self._existing(before, bucket, key, version)
            return replace(item, attributes=replace(item.attributes, tagging=tagging))

        return self._store.objects.change(bucket, key, change, version)

    def keep_select_meta(self, item: StoredObject, meta: SelectMeta) -> None:
        """Keep how many rows an object has, as long as its bytes are those that were counted.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            present = self._existing(before, item.bucket, item.key)
            return replace(present, select_meta=meta) if present.data == item.data else present

        self._store.objects.change(item.bucket, item.key, change)

    def protect(
        self, bucket: str, key: str, protect: Callable[[StoredObject], Protection], version: str | None = None
    ) -> StoredObject:
        """Change the protection of an object or of a version to what a function makes of it, and return that.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidRequest (the bucket does not retain objects, or not such ones),
                and what the function raises.
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            objectworm.check_enabled(holder)
            item = self._existing(before, bucket, key, version)
            if item.kind is ObjectKind.APPENDABLE:
                raise OssError("InvalidRequest", "An appendable object cannot be retained.")
            storage = replace(item.attributes.storage, protection=protect(item))
            return replace(item, attributes=replace(item.attributes, storage=storage))

        return self._store.objects.change(bucket, key, change, version)
