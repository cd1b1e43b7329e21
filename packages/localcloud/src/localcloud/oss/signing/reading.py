"""Reading signatures: versions 1 and 4, in the Authorization header and in the query.

Pure: a request comes in as values, a `Claim` comes out, which computes the signature that should have been sent. The official
clients sign in the same way.
"""

from __future__ import annotations

from localcloud.oss.errors import OssError
from localcloud.oss.signing import v1, v4
from localcloud.oss.signing.claim import Claim, SignedRequest


def read_claim(request: SignedRequest, *, region: str, now: float) -> Claim | None:
    """Return the claim of a request, or None for an anonymous one.

    Args:
        request: the request.
        region: the region of the service; V4 signs it.
        now: seconds since the epoch.

    Raises:
        OssError: the signature is malformed, expired, or made for another time or region.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(v4.ALGORITHM):
        return v4.read_header(request, authorization, region=region, now=now)
    if authorization.startswith("OSS "):
        return v1.read_header(request, authorization, now=now)
    if authorization:
        raise OssError(
            "InvalidArgument", "Authorization header is invalid: it begins neither with OSS nor with " + v4.ALGORITHM
        )
    if "x-oss-signature" in request.query:
        return v4.read_query(request, region=region, now=now)
    if "Signature" in request.query:
        return v1.read_query(request, now=now)
    return None
