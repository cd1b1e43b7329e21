"""Operations on appendable objects, which grow at their end until they are sealed.

Sources: OSS, AppendObject, SealAppendObject; of the code of what is appended after that, the suite of its second SDK for Python.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_ATTRIBUTES, Attributes, Blob, Bucket, ObjectKind, StoredObject
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.keys import check_key
from localcloud.oss.settings import objectworm


class AppendOperations(Operations):
    """Appendable objects."""

    def append(
        self,
        bucket: str,
        key: str,
        position: int,
        blob: Blob,
        attributes: Attributes = NO_ATTRIBUTES,
        *,
        requester: str = "",
        admitted: Bucket | None = None,
    ) -> StoredObject:
        """Append to an appendable object; position 0 creates it.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            position: the object's length before, in bytes.
            blob: the bytes.
            attributes: of an object that is created; the ACL of one that is there, too (the SDK for Go expects it).
            requester: the principal's id, told to subscribers.
            admitted: as of `ObjectOperations.put`.

        Raises:
            OssError: PositionNotEqualToLength (which names the right one), ObjectNotAppendable, AppendSealedObjectNotAllowed,
                NoSuchBucket, InvalidObjectName.
        """
        blobs = self._store.blobs
        with blobs.giving(blob), ExitStack() as stack:
            check_key(key)
            found = stack.enter_context(self._store.objects.open(bucket, key))
            whole = blob
            if found:
                _check_position(found[0], key, position)
                whole = blobs.concatenate([found[1], blob.path])
                stack.enter_context(blobs.giving(whole))

            def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
                self._check_same(holder, admitted)
                _check_position(before, key, position)
                if objectworm.is_enabled(holder):
                    raise OssError("OperationNotSupported", "A bucket with object worm takes no appends.")
                self._check_mutable(holder, before)
                check_object_acl(holder, attributes.acl)
                replaced = found is None or (before is not None and before.data != found[0].data)
                if before and replaced:  # meanwhile, by one of the same length
                    raise _wrong_position(position, before.size)
                kept = before.attributes if before else attributes
                if before and attributes.acl != "default":
                    kept = replace(kept, acl=attributes.acl)
                made = self._make(ObjectKind.APPENDABLE, holder, key, whole, kept)
                return replace(made, version=before.version) if before else made

            item = self._store.objects.change(bucket, key, change)
        if item.data != blob.data:
            blobs.drop([blob.data])
        self._events.tell("ObjectCreated:AppendObject", item, requester)
        return item

    def seal(self, bucket: str, key: str, position: int) -> StoredObject:
        """End the growth of an appendable object, and return it; what was sealed stays so since the first time.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            position: the object's length, in bytes.

        Raises:
            OssError: PositionNotEqualToLength (which names the right one), ObjectNotAppendable, NoSuchBucket, NoSuchKey.
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            item = self._existing(before, bucket, key)
            _check_length(item, key, position)
            return item if item.sealed is not None else replace(item, sealed=self._clock())

        return self._store.objects.change(bucket, key, change)


def _check_position(item: StoredObject | None, key: str, position: int) -> None:
    if item and item.sealed is not None:
        raise OssError(
            "AppendSealedObjectNotAllowed", "The object is sealed: nothing can be appended to it.", {"Key": key}
        )
    _check_length(item, key, position)


def _check_length(item: StoredObject | None, key: str, position: int) -> None:
    if item and item.kind is not ObjectKind.APPENDABLE:
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
        ec="0026-00000016",
    )
