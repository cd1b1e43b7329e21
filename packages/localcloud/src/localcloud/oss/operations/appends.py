"""Operations on appendable objects, which grow at their end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_ATTRIBUTES, Attributes, Blob, Bucket, ObjectKind, StoredObject
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.events import Events
from localcloud.oss.operations.keys import check_key
from localcloud.oss.store.store import Store


class AppendOperations:
    """Appendable objects of one account's buckets.

    Args:
        store: where they are kept.
        events: told of changes.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, events: Events, clock: Callable[[], float]) -> None:
        self._store = store
        self._events = events
        self._clock = clock

    def append(
        self,
        bucket: str,
        key: str,
        position: int,
        blob: Blob,
        attributes: Attributes = NO_ATTRIBUTES,
        *,
        requester: str = "",
    ) -> StoredObject:
        """Append to an appendable object; position 0 creates it.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            position: the object's length before, in bytes.
            blob: the bytes.
            attributes: of an object that is created.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: PositionNotEqualToLength (which names the right one), ObjectNotAppendable, NoSuchBucket, InvalidObjectName.
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
                _check_position(before, key, position)
                if before is None:
                    check_object_acl(holder, attributes.acl)
                    return self._grown(bucket, key, whole, attributes)
                if found is None or before.data != found[0].data:  # replaced meanwhile by one of the same length
                    raise _wrong_position(position, before.size)
                return self._grown(bucket, key, whole, before.attributes)

            item = self._store.objects.change(bucket, key, change)
        if item.data != blob.data:
            blobs.drop([blob.data])
        self._events.tell("ObjectCreated:AppendObject", item, requester)
        return item

    def _grown(self, bucket: str, key: str, whole: Blob, attributes: Attributes) -> StoredObject:
        return StoredObject(
            bucket=bucket,
            key=key,
            data=whole.data,
            size=whole.size,
            etag=whole.etag,
            crc64=whole.crc64,
            modified=self._clock(),
            kind=ObjectKind.APPENDABLE,
            attributes=attributes,
        )


def _check_position(item: StoredObject | None, key: str, position: int) -> None:
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
    )
