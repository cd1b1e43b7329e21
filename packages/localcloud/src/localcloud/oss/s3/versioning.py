"""The versioning of a bucket in S3's form, which says more than OSS's. Pure.

Source: Amazon S3 API reference, PutBucketVersioning; OSS, PutBucketVersioning.
"""

from __future__ import annotations

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import OssError
from localcloud.oss.xml import parse

ROOT = "VersioningConfiguration"


def versioning_to_oss(body: bytes) -> bytes:
    """Return the document that a client of S3 puts, in OSS's form.

    Raises:
        OssError: MalformedXML, NotImplemented (deletions that need a second factor, which OSS has not).
    """
    document = parse(body, ROOT)
    for element in document.findall("MfaDelete"):
        if element.text != "Disabled":
            raise OssError("NotImplemented", "not implemented: MfaDelete of a bucket's versioning")
        document.remove(element)
    return serialize(document).encode()
