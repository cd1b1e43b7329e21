"""An object of OSS as the store holds it."""

from __future__ import annotations

from localcloud.oss.model import Attributes, ObjectKind, StoredObject

ITEM = StoredObject(
    bucket="b",
    key="k",
    data="0",
    size=3,
    etag="AB",
    crc64=7,
    modified=1_700_000_000.5,
    kind=ObjectKind.NORMAL,
    attributes=Attributes(),
)
