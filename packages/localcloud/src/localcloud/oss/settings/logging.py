"""Access logs of a bucket: where they go, and which headers and parameters of requests they hold.

Source: OSS, PutBucketLogging, PutUserDefinedLogFieldsConfig; "Troubleshooting", 0032-00000005 and -06.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import group, invalid, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree

MAX_PREFIX = 256  # characters


@dataclass(frozen=True, slots=True)
class Target:
    """The place of a bucket's access logs."""

    bucket: str
    prefix: str  # of the keys


def target_of(bucket: Bucket) -> Target | None:
    """Return where a bucket's access logs go; None: it has none."""
    document = bucket.settings.get(SETTING.parameter)
    tree = None if document is None else kept_tree(document, SETTING.root)
    name = None if tree is None else tree.findtext("LoggingEnabled/TargetBucket")
    if tree is None or not name:
        return None
    return Target(name, tree.findtext("LoggingEnabled/TargetPrefix") or "")


def _check(document: Element, options: Options) -> None:
    if document.find("LoggingEnabled") is None:  # OSS's SDK for C# reads the element also where nothing is logged
        SubElement(document, "LoggingEnabled")
    elif document.find("LoggingEnabled/TargetPrefix") is None:  # as its SDK for Java does
        SubElement(document[0], "TargetPrefix")
    prefix = document.findtext("LoggingEnabled/TargetPrefix") or ""
    if len(prefix) > MAX_PREFIX:
        why = f"The prefix of access logs has up to {MAX_PREFIX} characters."
        raise invalid("TargetPrefix", prefix, why, ec="0032-00000006")
    if prefix.startswith(("/", "\\")):
        raise invalid(
            "TargetPrefix", prefix, "The prefix of access logs begins neither with / nor with \\.", ec="0032-00000005"
        )


SETTING = Setting(
    parameter="logging",
    action="BucketLogging",
    root="BucketLoggingStatus",
    absent={"LoggingEnabled": ""},
    fields={
        "LoggingEnabled": group({"TargetBucket": text(required=True), "TargetPrefix": text(), "LoggingRole": text()}),
    },
    check=_check,
    target=("LoggingEnabled/TargetBucket", "InvalidTargetBucketForLogging"),
)

FIELDS = Setting(
    parameter="userDefinedLogFieldsConfig",
    action="UserDefinedLogFieldsConfig",
    root="UserDefinedLogFieldsConfiguration",
    absent="NoSuchUserDefinedLogFieldsConfig",
    fields={"HeaderSet": group({"header": text(many=True)}), "ParamSet": group({"parameter": text(many=True)})},
)
