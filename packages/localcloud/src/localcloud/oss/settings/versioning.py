"""Versioning of a bucket: off until it is set for the first time, then enabled or suspended.

Source: OSS, "Versioning overview", PutBucketVersioning.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import choice
from localcloud.oss.settings.setting import Setting
from localcloud.oss.xml import parse


class Versioning(StrEnum):
    """The state of a bucket's versioning, once it was set."""

    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


SETTING = Setting(
    parameter="versioning",
    action="BucketVersioning",
    root="VersioningConfiguration",
    absent={},
    fields={"Status": choice(*Versioning, required=True)},
    deletable=False,
)


def versioning_of(bucket: Bucket) -> Versioning | None:
    """Return the state of a bucket's versioning; None: it was never set."""
    document = bucket.settings.get(SETTING.parameter)
    return None if document is None else _read(document)


@lru_cache(maxsize=256)
def _read(document: str) -> Versioning:
    return Versioning(parse(document.encode(), SETTING.root).findtext("Status") or "")
