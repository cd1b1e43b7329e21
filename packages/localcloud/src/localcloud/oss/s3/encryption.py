"""The default encryption of a bucket in S3's form and in OSS's. Pure.

Sources: PutBucketEncryption of the Amazon S3 API reference, and of OSS. That OSS takes S3's form from S3's clients is assumed.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import OssError
from localcloud.oss.s3.headers import ENCRYPTIONS, S3_ENCRYPTIONS
from localcloud.oss.xml import malformed, parse

ROOT = "ServerSideEncryptionConfiguration"
OSS_ROOT = "ServerSideEncryptionRule"
_DEFAULT = "ApplyServerSideEncryptionByDefault"


def encryption_to_oss(body: bytes) -> bytes:
    """Return the document that a client of S3 puts, in OSS's form.

    Raises:
        OssError: MalformedXML, NotImplemented (a key of the bucket, which OSS has not).
    """
    rules = parse(body, ROOT).findall("Rule")
    if len(rules) != 1 or (default := rules[0].find(_DEFAULT)) is None:
        raise malformed(f"{ROOT} has one Rule with {_DEFAULT}")
    if (rules[0].findtext("BucketKeyEnabled") or "false").strip() != "false":
        raise OssError("NotImplemented", "not implemented: BucketKeyEnabled in a rule of the encryption")
    _rename(default, ENCRYPTIONS)
    document = Element(OSS_ROOT)
    document.append(default)
    return serialize(document).encode()


def encryption_to_s3(body: bytes) -> bytes:
    """Return the document as it is kept in S3's form; what S3 cannot say stays in OSS's words."""
    kept = parse(body, OSS_ROOT)
    _rename(kept, S3_ENCRYPTIONS)
    document = Element(ROOT)
    SubElement(document, "Rule").extend(kept)
    return serialize(document).encode()


def _rename(element: Element, names: dict[str, str]) -> None:
    for algorithm in element.iter("SSEAlgorithm"):
        algorithm.text = names.get(algorithm.text or "", algorithm.text)
