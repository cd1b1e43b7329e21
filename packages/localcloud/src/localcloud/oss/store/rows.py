"""Objects as rows: the columns that the tables of objects and of their versions share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.oss.model import (
    NO_PROTECTION,
    NULL_VERSION,
    Attributes,
    ObjectKind,
    Protection,
    Restoration,
    RetentionMode,
    SelectMeta,
    Storage,
    StoredObject,
)
from localcloud.oss.store.database import Row, decode_key, encode_key

COLUMNS = "data, size, etag, crc64, modified, kind, headers, acl, tagging"  # after those that say which object it is
# What follows stands among the headers, by names of headers that no object keeps: older folders have no columns for it.
_TARGET, _VERSION, _RESTORE = "x-oss-symlink-target", "x-oss-version-id", "x-oss-restore"
_SELECT_META, _SEALED = "x-oss-select-meta", "x-oss-sealed-time"
_CLASS, _ENCRYPTION, _PROTECTION = "x-oss-storage-class", "x-oss-server-side-encryption", "x-oss-object-worm"

_KINDS = {kind.value: kind for kind in ObjectKind}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    """The part of an object that its document tells."""

    target: str | None
    version: str
    restoration: Restoration | None
    select_meta: SelectMeta | None
    sealed: float | None
    attributes: Attributes


def to_columns(item: StoredObject) -> Row:
    """Return the columns of an object, as `COLUMNS` names them."""
    document: dict[str, Any] = {**item.attributes.headers, **storage_document(item.attributes.storage)}
    if item.symlink_target is not None:
        document[_TARGET] = item.symlink_target
    if item.version != NULL_VERSION:
        document[_VERSION] = item.version
    if item.restoration is not None:
        document[_RESTORE] = [item.restoration.tier, item.restoration.ready, item.restoration.expires]
    if item.select_meta is not None:
        document[_SELECT_META] = [item.select_meta.kind, item.select_meta.records, item.select_meta.columns]
    if item.sealed is not None:
        document[_SEALED] = item.sealed
    return (
        item.data,
        item.size,
        item.etag,
        str(item.crc64),  # unsigned 64 bits: more than SQLite's integers hold
        item.modified,
        item.kind.value,
        json.dumps(document),
        item.attributes.acl,
        item.attributes.tagging,
    )


def to_row(item: StoredObject) -> Row:
    """Return an object's row in the table of objects."""
    return (item.bucket, encode_key(item.key), *to_columns(item))


def to_object(bucket: str, key: bytes, columns: Row) -> StoredObject:
    """Return the object that a bucket's name, a key and the columns of a row describe."""
    data, size, etag, crc64, modified, kind, document, acl, tagging = columns
    described = _read_document(document, acl, tagging)
    return StoredObject(
        bucket=bucket,
        key=decode_key(key),
        data=data,
        size=size,
        etag=etag,
        crc64=int(crc64),
        modified=modified,
        kind=_KINDS[kind],
        symlink_target=described.target,
        version=described.version,
        restoration=described.restoration,
        select_meta=described.select_meta,
        sealed=described.sealed,
        attributes=described.attributes,
    )


@lru_cache(maxsize=128)  # most objects of a bucket have the same: a listing would read it for each
def _read_document(text: str, acl: str, tagging: str | None) -> _Described:
    document = json.loads(text)
    restoration, select_meta = document.pop(_RESTORE, None), document.pop(_SELECT_META, None)
    return _Described(
        target=document.pop(_TARGET, None),
        version=document.pop(_VERSION, NULL_VERSION),
        restoration=restoration and Restoration(*restoration),
        select_meta=select_meta and SelectMeta(*select_meta),
        sealed=document.pop(_SEALED, None),
        attributes=Attributes(storage=pop_storage(document), headers=document, acl=acl, tagging=tagging),
    )


def storage_document(storage: Storage) -> dict[str, Any]:
    """Return the part of an object's document that says how it is kept."""
    document: dict[str, Any] = {}
    if storage.storage_class is not None:
        document[_CLASS] = storage.storage_class
    if storage.encryption:
        document[_ENCRYPTION] = dict(storage.encryption)
    if storage.protection != NO_PROTECTION:
        document[_PROTECTION] = [storage.protection.until, storage.protection.held, storage.protection.mode]
    return document


def pop_storage(document: dict[str, Any]) -> Storage:
    """Take what `storage_document` made out of a document."""
    encryption: Mapping[str, str] = document.pop(_ENCRYPTION, {})
    # Rows from before there were two modes have none.
    until, held, mode = (*document.pop(_PROTECTION, (0.0, False)), RetentionMode.COMPLIANCE)[:3]
    return Storage(
        storage_class=document.pop(_CLASS, None),
        encryption=encryption,
        protection=Protection(until=until, held=held, mode=RetentionMode(mode)) if until or held else NO_PROTECTION,
    )
