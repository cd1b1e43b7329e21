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
ACLS = frozenset({"private", "public-read", "public-read-write"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket and its settings."""

    name: str
    owner: str  # account id
    created: float  # seconds since the epoch
    acl: str  # one of ACLS
    storage_class: str
    settings: Mapping[str, str] = field(default_factory=dict)  # subresource -> the XML that was put


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketStat:
    """The amount that a bucket holds."""

    size: int  # bytes of all objects
    objects: int
    uploads: int  # unfinished ones


class ObjectKind(StrEnum):
    """The way in which an object came to be, as `x-oss-object-type` says it."""

    NORMAL = "Normal"
    APPENDABLE = "Appendable"
    MULTIPART = "Multipart"
    SYMLINK = "Symlink"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """The part of an object that whoever uploads it chooses beside its bytes."""

    headers: Mapping[str, str] = field(default_factory=dict)  # content headers and x-oss-meta-*, lower-case names
    acl: str = "default"  # or one of ACLS
    tagging: str | None = None  # XML


NO_ATTRIBUTES = Attributes()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object: its bytes lie in the file `data`."""

    bucket: str
    key: str
    data: str  # name of the data file
    size: int  # bytes
    etag: str  # upper-case hexadecimal, without quotes
    crc64: int
    modified: float  # seconds since the epoch
    kind: ObjectKind
    symlink_target: str | None = None  # a key of the same bucket; None: the object is no symlink
    attributes: Attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted."""

    bucket: str
    key: str
    upload_id: str
    initiated: float  # seconds since the epoch
    attributes: Attributes  # of the object to come


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

    def create(self, name: str, *, acl: str = "private", storage_class: str = "Standard") -> Bucket:
        """Create a bucket; creating one's own again is allowed and changes its ACL only."""

    def set_acl(self, name: str, acl: str) -> None:
        """Change a bucket's ACL."""

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the XML document of a subresource, or remove it with None."""

    def contents(self, name: str) -> tuple[list[str], list[str]]:
        """Return the keys of a bucket's objects and of its unfinished uploads."""

    def empty(self, name: str) -> None:
        """Delete all objects and unfinished uploads of a bucket."""

    def delete(self, name: str) -> None:
        """Delete an empty bucket."""
