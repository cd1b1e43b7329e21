"""Documents and errors of answers in the form that S3 gives them. Pure.

Source: Amazon S3 API reference; its documents have OSS's names but for those in here.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from localcloud.kernel.xml import HEAD
from localcloud.oss.errors import OssError
from localcloud.oss.s3.headers import S3_CLASSES

_WORDS = {"FileAlreadyExists": "At least one of the pre-conditions you specified did not hold"}  # that clients look for
_CODES = {  # OSS's code -> S3's, and its status
    "FileAlreadyExists": ("PreconditionFailed", 412),
    "InvalidPolicyDocument": ("MalformedPolicy", 400),
    "InvalidSecurityToken": ("InvalidToken", 400),
    "NoSuchLifecycle": ("NoSuchLifecycleConfiguration", 404),
    "NoSuchServerSideEncryptionRule": ("ServerSideEncryptionConfigurationNotFoundError", 404),
    "SecurityTokenExpired": ("ExpiredToken", 400),
}
_CLASS = re.compile(rb"<StorageClass>([A-Za-z]+)</StorageClass>")
_CLASSES = {ours.encode(): theirs.encode() for ours, theirs in S3_CLASSES.items()}
_GRANTEES = "http://acs.amazonaws.com/groups/global/AllUsers"
_INSTANCE = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def error_to_s3(error: OssError) -> OssError:
    """Return an error with S3's code and status, and S3's words where clients look for them."""
    if error.code not in _CODES:
        return error
    code, status = _CODES[error.code]
    translated = OssError(error.code, _WORDS.get(error.code, error.message), error.detail, error.headers)
    translated.code, translated.status = code, status
    return translated


def document_to_s3(document: bytes) -> bytes:
    """Return a document with S3's names, of storage classes, too, and without the delimiter that nobody asked for."""
    document = document.replace(b"<Delimiter></Delimiter>", b"")
    if b"<ListAllMyBucketsResult>" in document[:200]:  # names of buckets hold none of these
        document = document.replace(b"NextMarker>", b"ContinuationToken>")
    return _CLASS.sub(lambda found: b"<StorageClass>" + _CLASSES.get(found[1], found[1]) + b"</StorageClass>", document)


def acl_document(owner: str, acl: str) -> bytes:
    """Return the grants that an ACL stands for."""
    grants = [
        _grant("CanonicalUser", f"<ID>{escape(owner)}</ID><DisplayName>{escape(owner)}</DisplayName>", "FULL_CONTROL")
    ]
    if acl in {"public-read", "public-read-write"}:
        grants.append(_grant("Group", f"<URI>{_GRANTEES}</URI>", "READ"))
    if acl == "public-read-write":
        grants.append(_grant("Group", f"<URI>{_GRANTEES}</URI>", "WRITE"))
    return (
        f"{HEAD}<AccessControlPolicy><Owner><ID>{escape(owner)}</ID><DisplayName>{escape(owner)}</DisplayName></Owner>"
        f"<AccessControlList>{''.join(grants)}</AccessControlList></AccessControlPolicy>"
    ).encode()


def _grant(kind: str, who: str, permission: str) -> str:
    return f'<Grant><Grantee {_INSTANCE} xsi:type="{kind}">{who}</Grantee><Permission>{permission}</Permission></Grant>'
