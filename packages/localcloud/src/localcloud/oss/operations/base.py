"""The common ground of operations that make objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.oss.errors import OssError, no_such_bucket
from localcloud.oss.model import NEXT_VERSION, Attributes, Blob, Bucket, ObjectKind, Storage, StoredObject
from localcloud.oss.operations.events import Events
from localcloud.oss.operations.keys import no_such_key
from localcloud.oss.settings import objectworm
from localcloud.oss.settings.encryption import KeyState, check_key_state, complete
from localcloud.oss.settings.versioning import Versioning, versioning_of
from localcloud.oss.settings.worm import check_mutable
from localcloud.oss.store.store import Store


class Operations:
    """Operations on objects, whoever owns their buckets.

    Args:
        store: where they are kept.
        events: told of changes.
        clock: seconds since the epoch.
        key_state: returns the state of an account's key of that id in KMS; None: there is none.
    """

    def __init__(self, store: Store, *, events: Events, clock: Callable[[], float], key_state: KeyState) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._key_state = key_state

    def _check_same(self, holder: Bucket, admitted: Bucket | None) -> None:
        """Refuse a bucket that is another one than its name stood for when a request was admitted; None: any is right.

        Raises:
            OssError: NoSuchBucket.
        """
        if admitted and (holder.owner, holder.created) != (admitted.owner, admitted.created):
            raise no_such_bucket(holder.name)

    def _check_replaceable(self, holder: Bucket, item: StoredObject | None) -> None:
        """Refuse to replace or hide an object that its bucket's retention policy protects, unless it stays as an older version.

        Raises:
            OssError: FileImmutable.
        """
        if versioning_of(holder) is not Versioning.ENABLED:
            self._check_mutable(holder, item)

    def _check_mutable(self, holder: Bucket, item: StoredObject | None) -> None:
        """Refuse to change or delete an object that is retained or held; None: there is none.

        Raises:
            OssError: FileImmutable.
        """
        if item is not None:
            now = self._clock()
            check_mutable(holder, item.modified, now)
            objectworm.check_mutable(item, now)

    def _make(
        self,
        kind: ObjectKind,
        holder: Bucket,
        key: str,
        blob: Blob,
        attributes: Attributes,
        *,
        etag: str | None = None,
        symlink_target: str | None = None,
    ) -> StoredObject:
        """Return an object of now with the bytes of a blob, kept as its bucket says where it says nothing itself.

        Args:
            kind: the way in which it came to be.
            holder: its bucket.
            key: its key.
            blob: its bytes.
            attributes: its headers, ACL, tags and storage.
            etag: its entity tag; None: that of its bytes.
            symlink_target: the key that it stands for; None: it is no symlink.
        """
        return StoredObject(
            bucket=holder.name,
            key=key,
            data=blob.data,
            size=blob.size,
            etag=etag or blob.etag,
            crc64=blob.crc64,
            modified=self._clock(),
            kind=kind,
            symlink_target=symlink_target,
            version=NEXT_VERSION,
            attributes=replace(attributes, storage=self._settle(attributes.storage, holder)),
        )

    def _settle(self, storage: Storage, holder: Bucket) -> Storage:
        """Return the way in which an object of a bucket is kept: as asked for, else as the bucket says.

        Raises:
            OssError: what `check_key_state` raises, InvalidRequest (it is to be retained, and the bucket does not allow for it).
        """
        encryption = complete(storage.encryption, holder)
        check_key_state(encryption, holder.owner, self._key_state)
        return Storage(
            storage_class=storage.storage_class or holder.storage_class,
            encryption=encryption,
            protection=objectworm.settle(storage.protection, holder, self._clock()),
        )

    def _existing(self, item: StoredObject | None, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return what was found under a key.

        Args:
            item: what was found; None: nothing.
            bucket: the bucket's name.
            key: the key.
            version: the version that was looked for; None: the current one.

        Raises:
            OssError: NoSuchKey, NoSuchVersion, MethodNotAllowed (the version is a delete marker). Source: OSS, "Delete markers".
        """
        if item is not None:
            return item
        marker = self._store.objects.find_marker(bucket, key, version)
        headers = {"x-oss-delete-marker": "true", "x-oss-version-id": marker.version} if marker else {}
        if version is None:
            raise no_such_key(key, headers)
        if marker is not None:
            raise OssError(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource: the version is a delete marker.",
                {"Method": "GET", "ResourceType": "DeleteMarker"},
                headers | {"Allow": "DELETE"},
                ec="0003-00000016",
            )
        raise OssError(
            "NoSuchVersion", "The specified version does not exist.", {"Key": key, "VersionId": version[:100]}
        )
