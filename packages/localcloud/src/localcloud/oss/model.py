"""Buckets, objects and unfinished multipart uploads: values, and the buckets' operations that other services use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

MAX_KEY = 1023  # bytes of UTF-8; OSS, "Objects": naming conventions
MAX_PUT = 5 * 1024**3  # bytes; OSS, "Limits": simple upload
MAX_COPY = 1024**3  # bytes; OSS, CopyObject: larger objects need UploadPartCopy
MIN_PART = 100 * 1024  # bytes; OSS, UploadPart: all parts but the last
MAX_PARTS = 10_000
NULL_VERSION = "null"  # the version of an object that was put while versioning was not enabled
NEXT_VERSION = ""  # the version of an object to come, which the store names
STORAGE_CLASSES = frozenset({"Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"})
ACLS = frozenset({"private", "public-read", "public-read-write"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket and its settings."""

    name: str
    owner: str  # account id
    region: str  # the region's id
    created: float  # seconds since the epoch
    acl: str  # one of ACLS
    storage_class: str
    settings: Mapping[str, str] = field(default_factory=dict)  # subresource -> the XML that was put
    of_account: Mapping[str, str] = field(default_factory=dict)  # likewise, of the account, for all its buckets


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketStat:
    """The amount that a bucket holds."""

    size: int  # bytes of all objects
    objects: int
    uploads: int  # unfinished ones
    markers: int  # delete markers
    channels: int  # live channels
    sizes: Mapping[str, int]  # bytes by storage class
    counts: Mapping[str, int]  # objects by storage class
    changed: float  # seconds since the epoch, of the newest version; 0: there is none


class ObjectKind(StrEnum):
    """The way in which an object came to be, as `x-oss-object-type` says it."""

    NORMAL = "Normal"
    APPENDABLE = "Appendable"
    MULTIPART = "Multipart"
    SYMLINK = "Symlink"


class RetentionMode(StrEnum):
    """The strictness of a retention: whether anybody may end it before its date."""

    GOVERNANCE = "GOVERNANCE"  # whoever has the right to bypass it
    COMPLIANCE = "COMPLIANCE"  # nobody


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """The time for which a version of an object cannot be deleted."""

    until: float = 0.0  # seconds since the epoch; 0: it is not retained
    mode: RetentionMode = RetentionMode.COMPLIANCE  # of the retention until then
    held: bool = False  # legally, until that ends


NO_PROTECTION = Protection()


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """The way in which an object is kept."""

    storage_class: str | None = None  # one of STORAGE_CLASSES; None: the bucket's
    encryption: Mapping[str, str] = field(default_factory=dict)  # headers, in lower case; empty: the bucket's default
    protection: Protection = NO_PROTECTION


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """The part of an object that whoever uploads it chooses beside its bytes."""

    headers: Mapping[str, str] = field(default_factory=dict)  # content headers and x-oss-meta-*, lower-case names
    acl: str = "default"  # or one of ACLS
    tagging: str | None = None  # XML
    storage: Storage = field(default_factory=Storage)


NO_ATTRIBUTES = Attributes()


@dataclass(frozen=True, slots=True)
class Restoration:
    """The restoration of an archived object."""

    tier: str  # Expedited, Standard or Bulk
    ready: float  # seconds since the epoch; from then on it can be read
    expires: float  # seconds since the epoch; from then on it cannot be read any more


@dataclass(frozen=True, slots=True)
class SelectMeta:
    """The rows of an object that queries read, as CreateSelectObjectMeta counted them."""

    kind: str  # csv or json
    records: int
    columns: int | None  # of CSV


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object, or a version of it: its bytes lie in the file `data`."""

    bucket: str
    key: str
    data: str  # name of the data file
    size: int  # bytes
    etag: str  # upper-case hexadecimal, without quotes
    crc64: int
    modified: float  # seconds since the epoch
    kind: ObjectKind
    symlink_target: str | None = None  # a key of the same bucket; None: the object is no symlink
    version: str = NULL_VERSION
    restoration: Restoration | None = None
    select_meta: SelectMeta | None = None  # None: nobody has had the rows counted
    sealed: float | None = None  # seconds since the epoch; from then on nothing is appended; None: it may be
    attributes: Attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteMarker:
    """A version that hides the older ones of its key."""

    bucket: str
    key: str
    version: str
    modified: float  # seconds since the epoch


Version = StoredObject | DeleteMarker


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """The effect of a deletion."""

    item: StoredObject | None = None  # the object that is gone, or that a new marker hides
    version: str | None = None  # the version that was asked for; None: none was
    marker: str | None = None  # the version of the delete marker that was made, or removed


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted."""

    bucket: str
    key: str
    upload_id: str
    initiated: float  # seconds since the epoch
    attributes: Attributes  # of the object to come
    sequential: bool = False  # its parts come in the order of their numbers, and the object has a Content-MD5


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One uploaded part."""

    number: int  # 1 to 10,000
    data: str  # name of the data file
    size: int  # bytes
    etag: str
    crc64: int
    modified: float  # seconds since the epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """Bytes that were written and are durable, but belong to nothing yet."""

    data: str  # name of the data file
    path: Path
    size: int  # bytes
    md5: bytes
    crc64: int

    @property
    def etag(self) -> str:
        """The entity tag of an object that holds these bytes."""
        return self.md5.hex().upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectEvent:
    """A change of an object, told to subscribers after it is durable."""

    name: str  # ObjectCreated:PutObject, ObjectRemoved:DeleteObject, …
    bucket: str
    key: str
    size: int  # bytes
    etag: str
    time: float  # seconds since the epoch
    requester: str  # the principal's id


class Buckets(Protocol):
    """The buckets of an account, as other services use them. Methods block and raise `ApiError` with OSS's code."""

    def get(self, name: str) -> Bucket:
        """Return a bucket."""

    def all(self) -> list[Bucket]:
        """Return all buckets."""

    def create(
        self, name: str, *, acl: str = "private", storage_class: str = "Standard", redundancy: str = "LRS"
    ) -> Bucket:
        """Create a bucket; creating one's own again is allowed and changes its ACL only."""

    def set_acl(self, name: str, acl: str) -> None:
        """Change a bucket's ACL."""

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the XML document of a subresource, or remove it with None."""

    def contents(self, name: str) -> tuple[list[str], list[str]]:
        """Return the keys of a bucket's objects and of its unfinished uploads."""

    def empty(self, name: str) -> None:
        """Delete all objects of a bucket, with their versions, and its unfinished uploads."""

    def delete(self, name: str) -> None:
        """Delete an empty bucket."""
