"""Default encryption of a bucket's objects.

Source: OSS, PutBucketEncryption.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from localcloud.oss.errors import OssError
from localcloud.oss.settings.schema import group, invalid, text
from localcloud.oss.settings.setting import Options, Setting

ALGORITHMS = frozenset({"AES256", "KMS", "SM4"})
_RULE = "ApplyServerSideEncryptionByDefault"


def _check(document: Element, options: Options) -> None:
    algorithm = document.findtext(f"{_RULE}/SSEAlgorithm") or ""
    if algorithm not in ALGORITHMS:
        raise OssError(
            "InvalidEncryptionAlgorithmError",
            f"The Encryption request you specified is not valid. Supported value: {'/'.join(sorted(ALGORITHMS))}.",
            {"ArgumentName": "SSEAlgorithm", "ArgumentValue": algorithm[:100]},
        )
    for name, value in (("KMSMasterKeyID", None), ("KMSDataEncryption", "SM4")):
        given = document.findtext(f"{_RULE}/{name}")
        if given and (algorithm != "KMS" or (value is not None and given != value)):
            raise invalid(name, given, f"{name} is not applicable if SSEAlgorithm is {algorithm}.")


SETTING = Setting(
    parameter="encryption",
    action="BucketEncryption",
    root="ServerSideEncryptionRule",
    absent="NoSuchServerSideEncryptionRule",
    fields={
        _RULE: group(
            {"SSEAlgorithm": text(required=True), "KMSMasterKeyID": text(), "KMSDataEncryption": text()}, required=True
        )
    },
    check=_check,
)
