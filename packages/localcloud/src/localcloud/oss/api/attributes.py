"""Attributes of objects in headers: read from requests, written into answers."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from localcloud.kernel.times import to_http
from localcloud.oss.arguments import check_header
from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_PROTECTION, STORAGE_CLASSES, Attributes, ObjectKind, Storage, StoredObject
from localcloud.oss.operations.restores import restore_state
from localcloud.oss.settings.encryption import read_encryption
from localcloud.oss.settings.objectworm import headers_of as protection_headers
from localcloud.oss.settings.objectworm import read_protection
from localcloud.oss.settings.tags import read_tagging_header, tags_of

KEPT_HEADERS = frozenset(
    {"cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"}
)
MAX_METADATA = 8 * 1024  # bytes of all x-oss-meta-* headers; OSS, "Manage object metadata"
MD5_DIGITS = 32
_META = re.compile(r"x-oss-meta-[a-z0-9-]+", re.ASCII)  # OSS, "Troubleshooting", 0011-00000004


def read_attributes(headers: Mapping[str, str]) -> Attributes:
    """Return the attributes that a request gives an object.

    Raises:
        OssError: InvalidArgument (a header that no answer could carry), InvalidTag, and those of `read_storage`.
    """
    return Attributes(
        headers=kept_headers(headers),
        acl=headers.get("x-oss-object-acl") or "default",
        tagging=read_tagging_header(headers.get("x-oss-tagging", "")),
        storage=read_storage(headers),
    )


def read_storage(headers: Mapping[str, str]) -> Storage:
    """Return the way in which a request wants an object to be kept.

    Raises:
        OssError: InvalidStorageClass, InvalidEncryptionAlgorithmError, InvalidArgument (a key that does not belong there, or what
            is no retention).
    """
    storage_class = headers.get("x-oss-storage-class")
    if storage_class is not None and storage_class not in STORAGE_CLASSES:
        raise OssError(
            "InvalidStorageClass",
            f"x-oss-storage-class must be one of {', '.join(sorted(STORAGE_CLASSES))}.",
            {"ArgumentName": "x-oss-storage-class", "ArgumentValue": storage_class[:100]},
        )
    encryption = {name: check_header(name, value) for name, value in read_encryption(headers).items()}
    return Storage(storage_class=storage_class, encryption=encryption, protection=read_protection(headers))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a request's headers that an object keeps, by lower-case name.

    Raises:
        OssError: InvalidArgument (one that no answer could carry, a wrong name, or too much user metadata).
    """
    kept = {
        name.lower(): check_header(name, value)
        for name, value in headers.items()
        if (value and name.lower() in KEPT_HEADERS) or name.lower().startswith("x-oss-meta-")
    }
    wrong = next((name for name in kept if name not in KEPT_HEADERS and not _META.fullmatch(name)), None)
    if wrong is not None:
        raise OssError(
            "InvalidArgument",
            "The names of user metadata have letters, digits and hyphens.",
            {"ArgumentName": wrong[:100]},
            ec="0011-00000004",
        )
    if sum(len(name) + len(value.encode()) for name, value in kept.items() if name not in KEPT_HEADERS) > MAX_METADATA:
        raise OssError(
            "InvalidArgument",
            f"The user metadata of an object has up to {MAX_METADATA} bytes, names included.",
            {"ArgumentName": "x-oss-meta-"},
            ec="0011-00000002",
        )
    return kept


def read_encoded(headers: Mapping[str, str], name: str) -> str:
    """Return the value of a header that is URL-encoded; empty: there is none.

    A plus sign is a space, as in a path: OSS's SDKs for Go and Ruby write spaces so.

    Raises:
        OssError: InvalidArgument (not UTF-8).
    """
    try:
        return unquote_plus(headers.get(name, ""), errors="strict")
    except UnicodeDecodeError as error:
        raise OssError("InvalidArgument", f"{name} must be UTF-8, URL-encoded.", {"ArgumentName": name}) from error


def object_headers(item: StoredObject, now: float) -> dict[str, str]:
    """Return the headers that describe an object at a time, in seconds since the epoch."""
    headers = {
        "content-type": "application/octet-stream",
        **item.attributes.headers,
        "ETag": f'"{item.etag}"',
        "Last-Modified": to_http(item.modified),
        "Accept-Ranges": "bytes",
        "x-oss-object-type": item.kind.value,
        "x-oss-hash-crc64ecma": str(item.crc64),
        "x-oss-storage-class": item.attributes.storage.storage_class or "Standard",
        **item.attributes.storage.encryption,
    }
    if item.attributes.storage.protection is not NO_PROTECTION:
        headers |= protection_headers(item.attributes.storage.protection)
    # The copy of an object that was uploaded in parts has its ETag, which is no MD5.
    if item.kind is ObjectKind.NORMAL and len(item.etag) == MD5_DIGITS:
        headers["Content-MD5"] = b2a_base64(bytes.fromhex(item.etag), newline=False).decode()
    if (state := restore_state(item, now)) is not None:
        headers["x-oss-restore"] = state
    if item.kind is ObjectKind.APPENDABLE:
        headers["x-oss-next-append-position"] = str(item.size)
    if item.sealed is not None:
        headers["x-oss-sealed-time"] = to_http(item.sealed)
    if item.attributes.tagging:
        headers["x-oss-tagging-count"] = str(len(tags_of(item.attributes.tagging)))
    return headers
