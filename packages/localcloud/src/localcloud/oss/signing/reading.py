"""Reading signatures: versions 1, 2 and 4 of OSS, and versions 2 and 4 of AWS, in the Authorization header and in the query.

Pure: a request comes in as values, a `Claim` comes out, which computes the signature that should have been sent. The official
clients sign in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.oss.errors import OssError
from localcloud.oss.signing import aws2, aws4, v1, v2, v4
from localcloud.oss.signing.claim import Claim, SignedRequest


def read_claim(request: SignedRequest, *, region: str, now: float) -> Claim | None:
    """Return the claim of a request, or None for an anonymous one.

    Args:
        request: the request.
        region: the region of the bucket or the endpoint; V4 signs it.
        now: seconds since the epoch.

    Raises:
        OssError: the signature is malformed, expired, or made for another time or region.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(v4.ALGORITHM):
        return v4.read_header(request, authorization, region=region, now=now)
    if authorization.startswith("OSS "):
        return v1.read_header(request, authorization, now=now)
    if authorization.startswith(v2.SCHEME + " "):
        return v2.read_header(request, authorization, now=now)
    if authorization.startswith(aws4.ALGORITHM):
        return aws4.read_header(request, authorization, now=now)
    if authorization.startswith(aws2.SCHEME):
        return aws2.read_header(request, authorization, now=now)
    if authorization:
        raise OssError(
            "InvalidArgument", "Authorization header is invalid: it begins neither with OSS nor with " + v4.ALGORITHM
        )
    if request.query.get("x-oss-signature-version") == v2.SCHEME:
        return v2.read_query(request, now=now)
    if "x-oss-signature" in request.query:
        return v4.read_query(request, region=region, now=now)
    if aws2.KEY in request.query:
        return aws2.read_query(request, now=now)
    if is_s3(request.query, request.headers):
        return aws4.read_query(request, now=now)
    if "Signature" in request.query:
        return v1.read_query(request, now=now)
    return None


def named_region(query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """Return the region that a signature of version 4 names, whether it is one or not; None: the request has no such signature.

    Args:
        query: decoded.
        headers: by lower-case name.
    """
    authorization = headers.get("authorization", "")
    credential = query.get("x-oss-credential", "")
    if authorization.startswith(v4.ALGORITHM):
        credential = authorization.partition("Credential=")[2].partition(",")[0]
    scope = credential.split("/")
    return scope[2] if len(scope) == 5 else None


def is_s3(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Return whether a request speaks the S3 protocol: its signature's scheme tells.

    Args:
        query: decoded.
        headers: by lower-case name, or found in any case.
    """
    if headers.get("authorization", "").startswith((aws4.ALGORITHM, aws2.SCHEME)):
        return True
    return aws2.KEY in query or any(name.lower() in {"x-amz-signature", "x-amz-algorithm"} for name in query)
