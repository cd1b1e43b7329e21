"""Copies of objects: into another object, and into a part of an upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_COPY, Attributes, Bucket, ObjectKind, Part, Storage, StoredObject, Upload
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.events import Events
from localcloud.oss.operations.keys import already_exists, no_such_key
from localcloud.oss.operations.objects import ObjectOperations, Permit, anybody
from localcloud.oss.operations.uploads import UploadOperations
from localcloud.oss.settings.encryption import KeyState
from localcloud.oss.settings.versioning import versioning_of
from localcloud.oss.store.blobs import CHUNK
from localcloud.oss.store.store import Store

Check = Callable[[StoredObject], None]  # raises to refuse
EVENT = "ObjectCreated:CopyObject"
# What a copy with headers of its own still has from its source: the content's type, and what a client needs to decrypt it.
LASTING = ("content-type", "x-oss-meta-client-side-encryption-")
# Bucket and key of an object, or of a symlink to it, and its version; None: the current one.
Source = tuple[str, str, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """What a copy has of its own; all else is its source's."""

    headers: Mapping[str, str] | None = None  # None: the source's
    acl: str = "default"
    tagging: tuple[str | None] | None = None  # XML or None; None: the source's
    storage: Storage = field(default_factory=Storage)

    def attributes(self, item: StoredObject) -> Attributes:
        """Return the attributes of a copy of an object."""
        kept = item.attributes
        headers = kept.headers
        if self.headers is not None:  # the copy's own, before which some of the source's stay
            lasting = {name: value for name, value in kept.headers.items() if name.startswith(LASTING)}
            headers = {**lasting, **self.headers}
        tagging = kept.tagging if self.tagging is None else self.tagging[0]
        return replace(kept, headers=headers, acl=self.acl, tagging=tagging, storage=self.storage)


ALIKE = Differences()


class _ChangedError(Exception):
    """An object is not what it was when its copying began."""


def anything(item: StoredObject) -> None:
    """Let every object pass."""


class CopyOperations(Operations):
    """Copies between objects, whoever owns their buckets.

    Args:
        store: where they are kept.
        objects: opens sources and puts copies.
        uploads: puts parts.
        events: told of changes.
        clock: seconds since the epoch.
        key_state: returns the state of an account's key of that id in KMS; None: there is none.
    """

    def __init__(
        self,
        store: Store,
        *,
        objects: ObjectOperations,
        uploads: UploadOperations,
        events: Events,
        clock: Callable[[], float],
        key_state: KeyState,
    ) -> None:
        super().__init__(store, events=events, clock=clock, key_state=key_state)
        self._objects = objects
        self._uploads = uploads

    def copy(
        self,
        source: Source,
        bucket: str,
        key: str,
        differences: Differences = ALIKE,
        *,
        permit: Permit = anybody,
        check: Check = anything,
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Copy an object of up to 1 GB. That the copy keeps the source's entity tag is assumed for one that was uploaded in parts.

        Args:
            source: the object to copy.
            bucket: the target's bucket.
            key: the target's key.
            differences: what the target has of its own.
            permit: asked for the source, as in `ObjectOperations.open`.
            check: asked for the conditions on the source.
            overwrite: False refuses to replace an object.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: EntityTooLarge, AccessDenied (a source in another region), and what `ObjectOperations.open`, `check` and
                `ObjectOperations.put` raise.
        """
        self._check_near(source[0], bucket)
        target = (bucket, key)
        with self._objects.open(*source, permit=permit) as (item, _):
            check(item)
            _check_size(item)
            unversioned = versioning_of(self._store.buckets.get(bucket)) is None
            if (item.bucket, item.key) != target or not (source[2] is None or unversioned):
                return self._objects.put(
                    bucket,
                    key,
                    self._store.blobs.share(item),
                    differences.attributes(item),
                    etag=item.etag,
                    overwrite=overwrite,
                    event=EVENT,
                    requester=requester,
                )
        if not overwrite:
            raise already_exists(key)

        def describe(present: StoredObject) -> Attributes:
            check(present)
            return differences.attributes(present)

        copied = None
        while copied is None:
            with suppress(_ChangedError):
                copied = self._copy_onto_itself(bucket, key, permit, describe)
        self._events.tell(EVENT, copied, requester)
        return copied

    def _check_near(self, source: str, target: str) -> None:
        """Refuse copies between regions.

        Sources: OSS, CopyObject (code and words of a former edition); "EC error codes", 0016-00000306.
        """
        if self._store.buckets.get(source).region != self._store.buckets.get(target).region:
            raise OssError(
                "AccessDenied",
                "Target object does not reside in the same data center as source object.",
                {"BucketName": source},
                ec="0016-00000306",
            )

    def _copy_onto_itself(
        self, bucket: str, key: str, permit: Permit, describe: Callable[[StoredObject], Attributes]
    ) -> StoredObject:
        """Copy an object onto itself, as it is in that moment: no change is lost that somebody else makes meanwhile.

        Its bytes stay where they are, unless the copy is a version of its own.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            permit: as in `copy`.
            describe: returns the copy's attributes; raises to refuse.

        Raises:
            _ChangedError: other bytes stand there by now, or the bucket has begun to keep versions.
        """
        with self._objects.open(bucket, key, permit=permit) as (item, _):
            versioned = versioning_of(self._store.buckets.get(bucket)) is not None
            blob = self._store.blobs.share(item) if versioned else None

            def change(holder: Bucket, before: StoredObject | None) -> StoredObject:
                present = self._existing(before, bucket, key)
                self._check_replaceable(holder, present)
                if present.symlink_target is not None:  # put there meanwhile
                    raise no_such_key(key)
                attributes = describe(present)
                check_object_acl(holder, attributes.acl)
                if (versioning_of(holder) is not None) != versioned or (blob and present.data != item.data):
                    raise _ChangedError
                if blob:
                    return self._make(ObjectKind.NORMAL, holder, key, blob, attributes, etag=present.etag)
                return replace(
                    present,
                    attributes=replace(attributes, storage=self._settle(attributes.storage, holder)),
                    restoration=None,
                    modified=self._clock(),
                )

            with self._store.blobs.giving(blob) if blob else nullcontext():
                return self._store.objects.change(bucket, key, change)

    def copy_part(
        self,
        upload: Upload,
        number: int,
        source: Source,
        *,
        permit: Permit = anybody,
        interval: Callable[[StoredObject], tuple[int, int]],
        requester: str = "",
    ) -> Part:
        """Add a part with bytes of an object.

        Args:
            upload: the upload.
            number: the part's number.
            source: the object to copy from.
            permit: asked for the source, as in `ObjectOperations.open`.
            interval: from the source to the half-open interval of its bytes; raises to refuse.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: AccessDenied (a source in another region), and what `ObjectOperations.open`, `interval` and
                `UploadOperations.put_part` raise.
        """
        self._check_near(source[0], upload.bucket)
        with self._objects.open(*source, permit=permit) as (item, path), path.open("rb") as file:
            begin, end = interval(item)
            file.seek(begin)
            blob = self._store.blobs.write(_chunks(file.read, end - begin))
        return self._uploads.put_part(upload, number, blob, event="ObjectCreated:UploadPartCopy", requester=requester)


def _check_size(item: StoredObject) -> None:
    if item.size > MAX_COPY:
        raise OssError(
            "EntityTooLarge",
            f"The source object is larger than {MAX_COPY} bytes; copy it with UploadPartCopy.",
            {"MaxSizeAllowed": str(MAX_COPY), "ProposedSize": str(item.size)},
        )


def _chunks(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length:
        chunk = read(min(CHUNK, length))
        if not chunk:
            raise OssError("InternalError", "The data of the source object ended early.")
        length -= len(chunk)
        yield chunk
