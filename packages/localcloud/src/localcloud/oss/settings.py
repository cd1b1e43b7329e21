"""The settings of a bucket: XML documents that are put, kept and given back. One row of `SETTINGS` makes one.

A row is all that a setting takes whose document has no effect: routes, rights and the documents' names follow from it, and an error
code of its own stands in `errors.STATUS`. A setting that has an effect adds the code that reads it.

Source: OSS API reference, "Operations on buckets".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from localcloud.oss.errors import STATUS, OssError
from localcloud.oss.model import Bucket
from localcloud.oss.xml import parse


def _accept(document: Element) -> None:
    """Accept every document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A subresource of a bucket whose document is kept.

    Attributes:
        parameter: its name in the query.
        action: its name in actions, after `oss:Get`, `oss:Put` and `oss:Delete`.
        root: the document's root element.
        absent: the answer while none was put: the content of a document, or an error code.
        check: refuses a document that was put, or changes it into the form that is kept.
    """

    parameter: str
    action: str
    root: str
    absent: Mapping[str, str] | str
    check: Callable[[Element], None] = _accept

    def __post_init__(self) -> None:
        """Refuse an error code that OSS does not have."""
        assert not isinstance(self.absent, str) or self.absent in STATUS, self.absent


def _check_public_access_block(document: Element) -> None:
    element = document.find("BlockPublicAccess")
    if element is None:
        return
    value = element.text or ""
    if value.lower() not in {"true", "false"}:
        raise OssError("MalformedXML", f"BlockPublicAccess is {value!r}; expected true or false.")
    element.text = value.lower()  # the Python SDK writes True, and reads only true


PUBLIC_ACCESS_BLOCK = Setting(
    parameter="publicAccessBlock",
    action="BucketPublicAccessBlock",
    root="PublicAccessBlockConfiguration",
    absent={"BlockPublicAccess": "false"},
    check=_check_public_access_block,
)
SETTINGS = (
    Setting(parameter="lifecycle", action="BucketLifecycle", root="LifecycleConfiguration", absent="NoSuchLifecycle"),
    Setting(
        parameter="encryption",
        action="BucketEncryption",
        root="ServerSideEncryptionRule",
        absent="NoSuchServerSideEncryptionRule",
    ),
    PUBLIC_ACCESS_BLOCK,
    Setting(parameter="tagging", action="BucketTagging", root="Tagging", absent={"TagSet": ""}),
)


def blocks_public_access(bucket: Bucket) -> bool:
    """Return True if a bucket's setting forbids public ACLs and disregards those that it has.

    Source: OSS, PutBucketPublicAccessBlock.
    """
    document = bucket.settings.get(PUBLIC_ACCESS_BLOCK.parameter)
    if document is None:
        return False
    return parse(document.encode(), PUBLIC_ACCESS_BLOCK.root).findtext("BlockPublicAccess") == "true"
