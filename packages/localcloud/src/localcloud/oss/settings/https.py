"""The TLS that a bucket's names take: versions, and ciphers of the versions before 1.3.

What OSS counts as strong ciphers is assumed: those with forward secrecy and authenticated encryption. Those of TLS 1.3, which
all are, cannot be chosen here. TLS 1.0 and 1.1 the embedded cloud never speaks, whatever a bucket says.

Source: OSS, PutBucketHttpsConfig.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from localcloud.kernel.service import TlsLimits
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import boolean, choice, group, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree
from localcloud.oss.xml import malformed

STRONG = "ECDHE+AESGCM:ECDHE+CHACHA20"
_CIPHER = re.compile(r"[A-Z0-9][A-Z0-9-]*")


def limits_of(bucket: Bucket) -> TlsLimits | None:
    """Return the limits of the TLS that a bucket's names take; None: there are none."""
    document = bucket.settings.get(SETTING.parameter)
    if document is None:
        return None
    tree = kept_tree(document, SETTING.root)
    versions = ciphers = None
    if tree.findtext("TLS/Enable") == "true":
        versions = frozenset(element.text or "" for element in tree.findall("TLS/TLSVersion"))
    if tree.findtext("CipherSuite/Enable") == "true":
        chosen = [element.text or "" for element in tree.findall("CipherSuite/CustomCipherSuite")]
        strong = tree.findtext("CipherSuite/StrongCipherSuite") == "true"
        ciphers = STRONG if strong else ":".join(each for each in chosen if _CIPHER.fullmatch(each))
    return None if versions is None and ciphers is None else TlsLimits(versions, ciphers)


def _check(document: Element, options: Options) -> None:
    tls = document.find("TLS")
    if tls is None:
        return
    versions = tls.findall("TLSVersion")
    if tls.findtext("Enable") == "true" and not versions:
        raise malformed("TLS is enabled without a TLSVersion")
    for position, element in enumerate(versions):
        if element.text in {each.text for each in versions[:position]}:
            tls.remove(element)


SETTING = Setting(
    parameter="httpsConfig",
    action="BucketHttpsConfig",
    root="HttpsConfiguration",
    absent={"TLS": {"Enable": "false"}},
    fields={
        "TLS": group(
            {
                "Enable": boolean(required=True),
                "TLSVersion": choice("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3", many=True),
            }
        ),
        "CipherSuite": group(
            {
                "Enable": boolean(required=True),
                "StrongCipherSuite": boolean(),
                "CustomCipherSuite": text(many=True),
                "TLS13CustomCipherSuite": text(many=True),
            }
        ),
    },
    check=_check,
    deletable=False,
)
