"""Version 2 of AWS's signatures, which OSS takes where it speaks the S3 protocol: in the header and in URLs.

The vendor's page on AWS's SDKs has boto3 sign with it (`signature_version="s3"`): its version 4 sends trailers that OSS refuses.

Sources: Amazon S3 developer guide, "Signing and Authenticating REST Requests"; OSS, "Use Amazon S3 SDKs to access OSS".
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.signing import v1
from localcloud.oss.signing.claim import Claim, SignedRequest, check_expiry, check_skew, parse_date

SCHEME = "AWS "
KEY = "AWSAccessKeyId"  # the parameter of a signed URL that tells its scheme
# The query parameters that are signed: the guide's, and those that AWS's SDKs have added since.
SUBRESOURCES = frozenset(
    """accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics notification
    object-lock partNumber policy replication requestPayment response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires restore select select-type
    storageClass tagging torrent uploadId uploads versionId versioning versions website""".split()  # noqa: SIM905 - a page else
)
# OSS's parameters that turn a request into another one, were they added to a signed URL; a page's token does not.
_FOREIGN = v1.SUBRESOURCES - SUBRESOURCES - {"continuation-token"}


def read_header(request: SignedRequest, authorization: str, *, now: float) -> Claim:
    """Return the claim of an Authorization header.

    Raises:
        OssError: InvalidArgument (malformed), AccessDenied (no date, or a parameter is not signed), RequestTimeTooSkewed.
    """
    access_key_id, separator, signature = authorization[len(SCHEME) :].strip().partition(":")
    if not separator or not access_key_id:
        raise OssError("InvalidArgument", "Authorization header is invalid: expected `AWS AccessKeyId:Signature`")
    own, date = request.headers.get("x-amz-date", ""), request.headers.get("date", "")
    check_skew(parse_date(own or date), now)
    return _claim(request, {}, access_key_id, signature, "" if own else date)


def read_query(request: SignedRequest, *, now: float) -> Claim:
    """Return the claim of a signed URL, which may carry `x-amz-` headers in its query.

    Raises:
        OssError: AccessDenied (expired, incomplete, or a parameter is not signed), InvalidArgument.
    """
    expires, signature = request.query.get("Expires", ""), request.query.get("Signature", "")
    if not expires or not signature:
        raise OssError("AccessDenied", f"Query-string authentication requires the Signature, Expires and {KEY}")
    check_expiry(read_number("Expires", expires), now)
    hoisted = {name.lower(): value for name, value in request.query.items() if name.lower().startswith("x-amz-")}
    return _claim(request, hoisted, request.query[KEY], signature, expires)


def _claim(request: SignedRequest, hoisted: Mapping[str, str], access_key_id: str, signature: str, date: str) -> Claim:
    if unsigned := sorted(name for name in request.query if name in _FOREIGN or name.startswith("x-oss-")):
        raise OssError(
            "AccessDenied", f"There were parameters present in the request which were not signed: {', '.join(unsigned)}"
        )
    headers = {**hoisted, **request.headers}
    amz = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-amz-"))
    signed = sorted((name, value) for name, value in request.query.items() if name in SUBRESOURCES)
    subresources = "&".join(f"{name}={value}" if value else name for name, value in signed)

    def text(resource: str) -> bytes:
        head = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
        named = amz + resource + (f"?{subresources}" if subresources else "")
        return "\n".join([*head, named]).encode("utf-8", "surrogateescape")

    def signer(resource: str) -> Callable[[str], str]:
        return lambda secret: base64.b64encode(hmac.digest(secret.encode(), text(resource), "sha1")).decode()

    resource = _resource(request)
    return Claim(
        access_key_id=access_key_id,
        security_token=headers.get("x-amz-security-token"),
        signature=signature,
        string_to_sign=text(resource),
        compute=signer(resource),
        # boto3 signs a bucket's path with a slash that the URL has not
        alternative=signer(resource + "/") if request.bucket and resource == f"/{request.bucket}" else None,
    )


def _resource(request: SignedRequest) -> str:
    """Return the path as it came, behind the bucket's name where the host's name has it."""
    in_host = request.bucket and unquote(request.path.replace("+", " "), errors="surrogateescape") == f"/{request.key}"
    return f"/{request.bucket}{request.path}" if in_host else request.path
