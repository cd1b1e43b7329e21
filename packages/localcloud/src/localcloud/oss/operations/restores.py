"""Restoration of archived objects: until it is done, and after it has run out, they cannot be read.

Sources: OSS, RestoreObject, CleanRestoredObject, "Restore objects". That each takes the longest documented time is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from localcloud.kernel.times import to_http
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, Restoration, StoredObject
from localcloud.oss.operations.base import Operations

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
# storage class -> tier -> seconds until the object can be read
DURATIONS = {
    "Archive": {"Standard": MINUTE},
    "ColdArchive": {"Expedited": HOUR, "Standard": 5 * HOUR, "Bulk": 12 * HOUR},
    "DeepColdArchive": {"Expedited": 12 * HOUR, "Standard": 48 * HOUR},
}
MAX_DAYS = {"Archive": 7, "ColdArchive": 365, "DeepColdArchive": 365}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """The restoration that a request asks for."""

    days: int = 1
    tier: str | None = None  # None: Standard


class RestoreOperations(Operations):
    """Restorations of archived objects."""

    def restore(self, bucket: str, key: str, wish: Wish, version: str | None = None) -> tuple[StoredObject, bool]:
        """Begin to restore an object, or keep a restored one longer.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            wish: what is asked for.
            version: the version; None: the current one.

        Returns:
            The object, and whether it was restored already.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, NoSuchVersion, OperationNotSupported (not archived), RestoreAlreadyInProgress,
                InvalidArgument (days, tier), MalformedXML (a tier for the class Archive).
        """
        again = False

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            nonlocal again
            item, now = self._existing(before, bucket, key, version), self._clock()
            storage_class = item.attributes.storage.storage_class or ""
            tier = _check(storage_class, wish)
            state = item.restoration
            if state and now < state.ready:
                raise OssError("RestoreAlreadyInProgress", "The restore operation is in progress.")
            again = state is not None and now < state.expires
            ready = now if again else now + DURATIONS[storage_class][tier]
            return replace(item, restoration=Restoration(tier, ready, ready + wish.days * DAY))

        return self._store.objects.change(bucket, key, change, version), again

    def clean(self, bucket: str, key: str) -> None:
        """End the time in which a restored object can be read.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, OperationNotSupported (not archived), ArchiveRestoreFileStale (not
                restored), ArchiveRestoreNotFinished.
        """

        def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
            item, now = self._existing(before, bucket, key), self._clock()
            if (item.attributes.storage.storage_class or "") not in DURATIONS:
                raise _not_archived(ec="0016-00000513")
            if item.restoration is None or now >= item.restoration.expires:
                raise OssError(
                    "ArchiveRestoreFileStale", "The archive file's restoration has run out, or there is none."
                )
            if now < item.restoration.ready:
                raise OssError("ArchiveRestoreNotFinished", "The archive file's restore is not finished.")
            return replace(item, restoration=None)

        self._store.objects.change(bucket, key, change)


def restore_state(item: StoredObject, now: float) -> str | None:
    """Return the state of an object's restoration, as `x-oss-restore` tells it; None: there is none."""
    state = item.restoration
    if state is None or now >= state.expires:
        return None
    if now < state.ready:
        return 'ongoing-request="true"'
    return f'ongoing-request="false", expiry-date="{to_http(state.expires)}"'


def is_frozen(item: StoredObject, now: float) -> bool:
    """Return True if an object is archived and not restored."""
    state = item.restoration
    return item.attributes.storage.storage_class in DURATIONS and not (state and state.ready <= now < state.expires)


def _check(storage_class: str, wish: Wish) -> str:
    """Return the tier of a restoration.

    Raises:
        OssError: OperationNotSupported, InvalidArgument, MalformedXML.
    """
    if storage_class not in DURATIONS:
        raise _not_archived(ec="0016-00000702")
    if wish.tier is not None and storage_class == "Archive":
        raise OssError("MalformedXML", "The XML you provided was not well-formed: the class Archive has no tiers.")
    tier = wish.tier or "Standard"
    if tier not in DURATIONS[storage_class]:
        expected = ", ".join(DURATIONS[storage_class])
        raise OssError(
            "InvalidArgument",
            f"The tier of a restoration of {storage_class} must be one of {expected}.",
            {"ArgumentName": "Tier", "ArgumentValue": tier[:100]},
        )
    if not 1 <= wish.days <= MAX_DAYS[storage_class]:
        raise OssError(
            "InvalidArgument",
            f"Days must be between 1 and {MAX_DAYS[storage_class]}.",
            {"ArgumentName": "Days", "ArgumentValue": str(wish.days)},
        )
    return tier


def _not_archived(*, ec: str) -> OssError:
    return OssError(
        "OperationNotSupported", "The operation is not supported for this resource: the object is not archived.", ec=ec
    )
