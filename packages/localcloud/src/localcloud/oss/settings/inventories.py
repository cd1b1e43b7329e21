"""Inventories of a bucket: which objects they list, in which form, where and when. Pure.

A list is due when there is none yet, and then at the first run of each day in UTC, or seven days after the last one (all assumed:
OSS names no hour). Keys are percent-encoded, as OSS documents; the order of the fields is that of the manifest, the form of times
that of OSS's listings (both assumed). Incremental inventories, which OSS opens by invitation, are kept and make no list.

Source: OSS, "Bucket inventory"; PutBucketInventory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from urllib.parse import quote
from xml.etree.ElementTree import Element
from zlib import compressobj

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.model import Bucket, DeleteMarker, ObjectKind, StoredObject, Version
from localcloud.oss.settings.collection import BUCKET_ARN, INVENTORY
from localcloud.oss.settings.encryption import ALGORITHM, KEY
from localcloud.oss.settings.setting import kept_tree
from localcloud.oss.settings.tags import tags_of

DAY = 86_400  # seconds
PERIODS = {"Daily": 1, "Weekly": 7}  # days
GZIP = 31  # the format, for zlib
ROWS = 1000  # that are packed at a time
VERSION = "2019-09-01"  # of manifests
_VERSIONED = ("VersionId", "IsLatest", "IsDeleteMarker")
_FIELDS: Mapping[str, Callable[[StoredObject], object]] = {
    "Size": lambda item: item.size,
    "StorageClass": lambda item: storage_class_of(item),
    "LastModifiedDate": lambda item: to_milliseconds(item.modified),
    "ETag": lambda item: item.etag,
    "IsMultipartUploaded": lambda item: item.kind is ObjectKind.MULTIPART,
    "EncryptionStatus": lambda item: bool(item.attributes.storage.encryption),
    "ObjectAcl": lambda item: item.attributes.acl,
    "ObjectACL": lambda item: item.attributes.acl,
    "TaggingCount": lambda item: len(tags_of(item.attributes.tagging)),
    "ObjectType": lambda item: item.kind.value,
    "Crc64": lambda item: item.crc64,
    "TransitionTime": lambda _: "",  # when an object moved into its storage class is not kept
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """The objects that an inventory lists."""

    prefix: str = ""
    since: float | None = None  # of the last change, in seconds since the epoch
    until: float | None = None
    smallest: int | None = None  # bytes
    largest: int | None = None
    classes: frozenset[str] = frozenset()  # storage classes; empty: all

    def admits(self, item: Version) -> bool:
        """Return True if an object, a version or a delete marker is listed; its prefix was looked at before."""
        if (self.since is not None and item.modified < self.since) or (
            self.until is not None and item.modified > self.until
        ):
            return False
        if isinstance(item, DeleteMarker):
            return self.smallest is None and self.largest is None and not self.classes
        return (
            (self.smallest is None or item.size >= self.smallest)
            and (self.largest is None or item.size <= self.largest)
            and (not self.classes or storage_class_of(item) in self.classes)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """An inventory that makes lists."""

    name: str
    days: int  # between two lists
    versions: bool  # all of them, and delete markers
    fields: tuple[str, ...]  # beside bucket and key
    role: str  # its ARN
    target: str  # the bucket that lists go to
    prefix: str  # of their keys
    encryption: Mapping[str, str]  # of lists, as headers
    filter: Filter = field(default_factory=Filter)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the fields of a list, in their order."""
        return ("Bucket", "Key", *(_VERSIONED if self.versions else ()), *self.fields)

    def is_due(self, now: float, last: float | None) -> bool:
        """Return True if a list is due at a moment; `last`: the moment of the one before, None: there is none."""
        return last is None or now // DAY - last // DAY >= self.days

    def folder(self, source: str) -> str:
        """Return where the lists of a bucket lie in the target: the beginning of their keys."""
        prefix = f"{self.prefix.rstrip('/')}/" if self.prefix else ""
        return f"{prefix}{source}/{self.name}/"


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file of a list, as its manifest tells of it."""

    key: str
    size: int  # bytes
    md5: bytes


def inventories_of(bucket: Bucket) -> Sequence[Inventory]:
    """Return the inventories of a bucket that make lists."""
    found = (_read(document) for document in INVENTORY.of(bucket).values())
    return [each for each in found if each is not None]


def storage_class_of(item: StoredObject) -> str:
    """Return the storage class of an object."""
    return item.attributes.storage.storage_class or "Standard"


def pack_list(bucket: str, inventory: Inventory, entries: Iterable[tuple[Version, bool]]) -> Iterator[bytes]:
    """Yield the bytes of a list, CSV in the format of gzip.

    Args:
        bucket: the name of the bucket that is listed.
        inventory: says which entries, and what of them.
        entries: versions by key, from new to old, and whether each is its key's latest.
    """
    packer = compressobj(wbits=GZIP)
    rows = (
        _row(bucket, inventory, item, latest=latest)
        for item, latest in entries
        if (inventory.versions or (latest and isinstance(item, StoredObject))) and inventory.filter.admits(item)
    )
    while some := list(islice(rows, ROWS)):
        yield packer.compress("".join(some).encode())
    yield packer.flush()


def write_manifest(bucket: str, inventory: Inventory, files: Sequence[ListFile], now: float) -> bytes:
    """Return the manifest of a list that was made at a moment.

    Args:
        bucket: the name of the bucket that is listed.
        inventory: whose list it is.
        files: those of the list.
        now: when the bucket was read, in seconds since the epoch.
    """
    manifest = {
        "creationTimestamp": str(int(now)),
        "destinationBucket": inventory.target,
        "fileFormat": "CSV",
        "fileSchema": ", ".join(inventory.columns),
        "files": [{"MD5checksum": file.md5.hex().upper(), "key": file.key, "size": file.size} for file in files],
        "sourceBucket": bucket,
        "version": VERSION,
    }
    return json.dumps(manifest, indent=4).encode()


def _row(bucket: str, inventory: Inventory, item: Version, *, latest: bool) -> str:
    marker = isinstance(item, DeleteMarker)
    values: list[object] = [bucket, quote(item.key, safe="", errors="surrogateescape")]
    if inventory.versions:
        values += [item.version, latest, marker]
    for name in inventory.fields:
        if isinstance(item, StoredObject):
            values.append(_FIELDS[name](item))
        else:
            values.append(to_milliseconds(item.modified) if name == "LastModifiedDate" else "")
    texts = (str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return ",".join(f'"{text}"' for text in texts) + "\n"  # none of them has a quotation mark


@lru_cache(maxsize=32)
def _read(document: str) -> Inventory | None:
    tree = kept_tree(document, INVENTORY.root)
    target = tree.find("Destination/OSSBucketDestination")
    if tree.findtext("IsEnabled") != "true" or target is None:
        return None
    chosen = {element.text for element in tree.findall("OptionalFields/Field")}
    return Inventory(
        name=tree.findtext("Id") or "",
        days=PERIODS[tree.findtext("Schedule/Frequency") or ""],
        versions=tree.findtext("IncludedObjectVersions") == "All",
        fields=tuple(name for name in _FIELDS if name in chosen),
        role=target.findtext("RoleArn") or "",
        target=(target.findtext("Bucket") or "").removeprefix(BUCKET_ARN),
        prefix=target.findtext("Prefix") or "",
        encryption=_encryption(target),
        filter=_filter(tree),
    )


def _encryption(target: Element) -> Mapping[str, str]:
    if (key := target.findtext("Encryption/SSE-KMS/KeyId")) is not None:
        return {ALGORITHM: "KMS", KEY: key}
    return {ALGORITHM: "AES256"} if target.find("Encryption/SSE-OSS") is not None else {}


def _filter(tree: Element) -> Filter:
    def number(name: str) -> int | None:
        text = tree.findtext(f"Filter/{name}")
        return int(text) if text else None

    classes = frozenset((tree.findtext("Filter/StorageClass") or "All").split(","))
    return Filter(
        prefix=tree.findtext("Filter/Prefix") or "",
        since=number("LastModifyBeginTimeStamp"),
        until=number("LastModifyEndTimeStamp"),
        smallest=number("LowerSizeBound"),
        largest=number("UpperSizeBound"),
        classes=frozenset() if "All" in classes else classes,
    )
