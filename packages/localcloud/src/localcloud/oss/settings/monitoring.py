"""Access tracking of a bucket, which lifecycle rules by the time of the last access need.

Sources: OSS, PutBucketAccessMonitor; "EC error codes", 0014-00000016 and 0036-00000005.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import choice
from localcloud.oss.settings.setting import Setting, kept_tree

LIFECYCLE = ("lifecycle", "LifecycleConfiguration")  # parameter and root of the other setting


def need_tracking(bucket: Bucket, rules: Element) -> None:
    """Refuse rules by the time of the last access while a bucket does not track it.

    Raises:
        OssError: MalformedXML (the code is from the suite of OSS's SDK for Java).
    """
    document = bucket.settings.get(SETTING.parameter)
    if _by_access(rules) and (document is None or _status(kept_tree(document, SETTING.root)) != "Enabled"):
        raise OssError(
            "MalformedXML",
            "Rules by the time of the last access need access tracking: PutBucketAccessMonitor first.",
            ec="0014-00000016",
        )


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
    deletable=False,
)
