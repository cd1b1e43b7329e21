"""Access logs of a bucket: where they go, and which headers and parameters of requests they hold.

Source: OSS, PutBucketLogging, PutUserDefinedLogFieldsConfig.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from localcloud.oss.settings.schema import group, invalid, text
from localcloud.oss.settings.setting import Options, Setting

_PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z0-9\-/_.]{0,31})?")


def _check(document: Element, options: Options) -> None:
    prefix = document.findtext("LoggingEnabled/TargetPrefix") or ""
    if not _PREFIX.fullmatch(prefix):
        raise invalid(
            "TargetPrefix",
            prefix,
            "The prefix of access logs has up to 32 letters, digits, - and /, and begins with a letter.",
        )


SETTING = Setting(
    parameter="logging",
    action="BucketLogging",
    root="BucketLoggingStatus",
    absent={},
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
