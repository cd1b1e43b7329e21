"""A bucket's settings as GetBucketInfo and ListBuckets show them, and as ListBuckets chooses by them.

Sources: OSS, GetBucketInfo; ListBuckets (GetService).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from localcloud.oss.model import Bucket
from localcloud.oss.settings import encryption, logging, monitoring
from localcloud.oss.settings.replication import rules_of
from localcloud.oss.settings.schema import invalid
from localcloud.oss.settings.table import RESOURCE_GROUPS, TRANSFER_ACCELERATION, find_text
from localcloud.oss.settings.tags import tags_of
from localcloud.oss.settings.versioning import versioning_of

_PAIR = re.compile(r'"([^"]*)":"([^"]*)"|([^":]+):([^":]*)')  # the suite of OSS's second SDK for PHP leaves quotes out


def resource_group_of(bucket: Bucket) -> str:
    """Return the id of the resource group that a bucket is in."""
    return find_text(bucket, RESOURCE_GROUPS, "ResourceGroupId") or ""


def describe_settings(bucket: Bucket) -> dict[str, object]:
    """Return the elements of GetBucketInfo that tell settings."""
    rule = "ApplyServerSideEncryptionByDefault"
    algorithm = find_text(bucket, encryption.SETTING, f"{rule}/SSEAlgorithm")
    key = find_text(bucket, encryption.SETTING, f"{rule}/KMSMasterKeyID") or ""
    return {
        "ResourceGroupId": resource_group_of(bucket),
        "AccessMonitor": find_text(bucket, monitoring.SETTING, "Status"),
        "TransferAcceleration": "Enabled"
        if find_text(bucket, TRANSFER_ACCELERATION, "Enabled") == "true"
        else "Disabled",
        "CrossRegionReplication": "Enabled"
        if any(rule.region != bucket.region for rule in rules_of(bucket))
        else "Disabled",
        "Versioning": versioning_of(bucket),
        "ServerSideEncryptionRule": {
            "SSEAlgorithm": algorithm or "None",
            "KMSMasterKeyID": key if algorithm == "KMS" else None,  # empty: OSS's own, as its SDK for C# expects
            "KMSDataEncryption": find_text(bucket, encryption.SETTING, f"{rule}/KMSDataEncryption") or None,
        },
        "BucketPolicy": {
            "LogBucket": find_text(bucket, logging.SETTING, "LoggingEnabled/TargetBucket") or "",
            "LogPrefix": find_text(bucket, logging.SETTING, "LoggingEnabled/TargetPrefix") or "",
        },
    }


def describe_tags(bucket: Bucket) -> dict[str, object] | None:
    """Return the tags of a bucket as an element of a list; None: it has none."""
    tags = tags_of(bucket.settings.get("tagging"))
    return {"Tag": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else None


def read_tag_filter(query: Mapping[str, str]) -> dict[str, str | None]:
    """Return the tags that a list of buckets asks for; None: any value of the key.

    Raises:
        OssError: InvalidArgument.
    """
    key, value, several = query.get("tag-key"), query.get("tag-value"), query.get("tagging")
    if value is not None and key is None:
        raise invalid("tag-value", value, "tag-value needs tag-key.")
    if several and key is not None:
        raise invalid("tagging", several, "Give either tagging, or tag-key and tag-value.")
    wanted: dict[str, str | None] = {key: value} if key else {}
    for pair in several.split(",") if several else []:
        found = _PAIR.fullmatch(pair.strip())
        if found is None:
            raise invalid("tagging", pair, 'tagging must be "KEY":"VALUE", and more of them behind commas.')
        quoted = found[1] is not None
        wanted[found[1] if quoted else found[3]] = found[2] if quoted else found[4]
    return wanted


def has_tags(bucket: Bucket, wanted: Mapping[str, str | None]) -> bool:
    """Return True if a bucket has all tags that a list asks for."""
    tags = tags_of(bucket.settings.get("tagging")) if wanted else {}
    return all(key in tags and value in (None, tags[key]) for key, value in wanted.items())
