"""Operations on symlinks: objects that stand for another one of the same bucket."""

from __future__ import annotations

import hashlib

from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Bucket, ObjectKind, StoredObject
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.keys import already_exists, check_key


class SymlinkOperations(Operations):
    """Symlinks."""

    def put(
        self,
        bucket: str,
        key: str,
        target: str,
        attributes: Attributes,
        *,
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Create a symlink; the attributes are its own.

        Args:
            bucket: the bucket's name.
            key: the symlink's key.
            target: the key that it stands for; nothing need stand there.
            attributes: its headers, ACL and tags.
            overwrite: False refuses to replace an object.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks),
                FileAlreadyExists, FileImmutable.
        """
        check_key(target)
        check_key(key)
        self._store.buckets.get(bucket)
        blob = self._store.blobs.write([])

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            if before and not overwrite:
                raise already_exists(key)
            self._check_replaceable(holder, before)
            check_object_acl(holder, attributes.acl)
            etag = hashlib.md5(target.encode(), usedforsecurity=False).hexdigest().upper()
            return self._make(ObjectKind.SYMLINK, holder, key, blob, attributes, etag=etag, symlink_target=target)

        with self._store.blobs.giving(blob):
            item = self._store.objects.change(bucket, key, change)
        self._events.tell("ObjectCreated:PutSymlink", item, requester)
        return item

    def get(self, bucket: str, key: str, version: str | None = None) -> tuple[StoredObject, str]:
        """Return a symlink, or a version of one, and the key that it stands for.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, NotSymlink (the code is from the suite of OSS's SDK for C#).
        """
        self._store.buckets.get(bucket)
        item = self._existing(self._store.objects.find(bucket, key, version), bucket, key, version)
        if item.symlink_target is None:
            raise OssError("NotSymlink", "The object is not a symlink.", {"Key": key})
        return item, item.symlink_target
