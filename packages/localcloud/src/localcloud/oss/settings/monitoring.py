"""Access tracking of a bucket: from when on, and the lifecycle rules by the time of the last access, which need it.

Sources: OSS, PutBucketAccessMonitor; "EC error codes", 0014-00000016 and 0036-00000005.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import choice
from localcloud.oss.settings.setting import Setting, kept_tree

SINCE = "accessmonitor-since"  # among a bucket's settings: from when on it tracks, in seconds since the epoch
LIFECYCLE = ("lifecycle", "LifecycleConfiguration")  # parameter and root of the other setting


def need_tracking(bucket: Bucket, rules: Element) -> None:
    """Refuse rules by the time of the last access while a bucket does not track it.

    Raises:
        OssError: MalformedXML (the code is from the suite of OSS's SDK for Java).
    """
    if _by_access(rules) and tracked_since(bucket) is None:
        raise OssError(
            "MalformedXML",
            "Rules by the time of the last access need access tracking: PutBucketAccessMonitor first.",
            ec="0014-00000016",
        )


def tracked_since(bucket: Bucket) -> float | None:
    """Return from when on a bucket tracks accesses, in seconds since the epoch; None: it does not.

    One that tracks since a version of the embedded cloud that kept no time does so since it was made.
    """
    document = bucket.settings.get(SETTING.parameter)
    if document is None or _status(kept_tree(document, SETTING.root)) != "Enabled":
        return None
    return float(bucket.settings.get(SINCE, bucket.created))


def last_access(bucket: Bucket, modified: float, read: float | None) -> float | None:
    """Return when an object of a bucket was last accessed, in seconds since the epoch; None: the bucket does not track that.

    Args:
        bucket: the bucket.
        modified: when the object was last changed.
        read: when it was last read; None: never since that is tracked.
    """
    since = tracked_since(bucket)
    return None if since is None else max(since, modified, read or 0.0)


def _note_begin(bucket: Bucket, document: Element, now: float) -> Mapping[str, str]:
    return {SINCE: str(now)} if _status(document) == "Enabled" and tracked_since(bucket) is None else {}


def _keep_tracking(bucket: Bucket, document: Element) -> None:
    rules = bucket.settings.get(LIFECYCLE[0])
    if _status(document) == "Disabled" and rules is not None and _by_access(kept_tree(rules, LIFECYCLE[1])):
        raise OssError(
            "AccessMonitorDisableNotAllowed",
            "The bucket has lifecycle rules by the time of the last access: delete them first.",
            ec="0036-00000005",
        )


def _by_access(rules: Element) -> bool:
    return any(element.text == "true" for element in rules.iter("IsAccessTime"))


def _status(document: Element) -> str | None:
    return document.findtext("Status")


SETTING = Setting(
    parameter="accessmonitor",
    action="BucketAccessMonitor",
    root="AccessMonitorConfiguration",
    absent={"Status": "Disabled"},
    fields={"Status": choice("Enabled", "Disabled", required=True)},
    agree=_keep_tracking,
    notes=_note_begin,
    deletable=False,
)
