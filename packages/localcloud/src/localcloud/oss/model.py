"""What OSS keeps: buckets, objects, unfinished multipart uploads. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_KEY = 1023  # bytes of UTF-8; OSS, "Objects": naming conventions
MAX_PUT = 5 * 1024**3  # bytes; OSS, "Limits": simple upload
MAX_COPY = 1024**3  # bytes; OSS, CopyObject: larger objects need UploadPartCopy
MIN_PART = 100 * 1024  # bytes; OSS, UploadPart: all parts but the last
MAX_PARTS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket and its settings."""

    name: str
    owner: str  # account id
    created: float  # seconds since the epoch
    acl: str  # private, public-read or public-read-write
    storage_class: str
    settings: Mapping[str, str] = field(default_factory=dict)  # subresource -> the XML that was put


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
    kind: str  # Normal, Appendable, Multipart or Symlink
    headers: Mapping[str, str]  # content headers and x-oss-meta-*, lower-case names
    acl: str = "default"
    tagging: str | None = None  # the XML that was put


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted."""

    bucket: str
    key: str
    upload_id: str
    initiated: float  # seconds since the epoch
    headers: Mapping[str, str]  # of the object to come, like the rest
    acl: str = "default"
    tagging: str | None = None  # XML


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
    """Something that happened to an object, told to subscribers after it is durable."""

    name: str  # ObjectCreated:PutObject, ObjectRemoved:DeleteObject, …
    bucket: str
    key: str
    size: int  # bytes
    etag: str
    time: float  # seconds since the epoch
    requester: str  # the principal's id
