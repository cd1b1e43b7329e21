"""The common ground of operations that make objects."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.oss.model import Attributes, Blob, Bucket, ObjectKind, StoredObject
from localcloud.oss.operations.events import Events
from localcloud.oss.settings.worm import check_mutable
from localcloud.oss.store.store import Store


class Operations:
    """Operations on one account's objects.

    Args:
        store: where they are kept.
        events: told of changes.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, events: Events, clock: Callable[[], float]) -> None:
        self._store = store
        self._events = events
        self._clock = clock

    def _check_mutable(self, holder: Bucket, item: StoredObject | None) -> None:
        """Refuse to replace or delete an object that its bucket's retention policy protects; None: there is none.

        Raises:
            OssError: FileImmutable.
        """
        if item is not None:
            check_mutable(holder, item.modified, self._clock())

    def _make(
        self,
        kind: ObjectKind,
        bucket: str,
        key: str,
        blob: Blob,
        attributes: Attributes,
        *,
        etag: str | None = None,
        symlink_target: str | None = None,
    ) -> StoredObject:
        """Return an object of now with the bytes of a blob; None: the entity tag of its bytes."""
        return StoredObject(
            bucket=bucket,
            key=key,
            data=blob.data,
            size=blob.size,
            etag=etag or blob.etag,
            crc64=blob.crc64,
            modified=self._clock(),
            kind=kind,
            symlink_target=symlink_target,
            attributes=attributes,
        )
