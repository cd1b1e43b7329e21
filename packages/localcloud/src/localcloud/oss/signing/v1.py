"""Version 1 of OSS's signatures: HMAC-SHA1 of a string that names method, date, `x-oss-` headers and resource.

Sources: OSS, "Include signatures in the Authorization header" and "Add signatures to URLs".
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import replace

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import Claim, SignedRequest, check_expiry, check_skew, parse_date

# The query parameters that are signed (OSS, "Include signatures in the Authorization header", CanonicalizedResource).
SUBRESOURCES = frozenset(
    """accessPoint accessPointConfigForObjectProcess accessPointForObjectProcess accessPointPolicy
    accessPointPolicyForObjectProcess acl append asyncFetch bucketArchiveDirectRead bucketInfo callback callback-var
    cleanRestoredObject cloudboxes cname comp continuation-token cors dataPipeline delete encryption endTime group httpsConfig
    img inventory inventoryId legalHold lifecycle link live location logging metaQuery objectInfo objectMeta objectWorm
    overwriteConfig partNumber policy policyStatus position processConfiguration publicAccessBlock qos qosInfo qosRequester
    redundancyTransition referer regionList replication replicationLocation replicationProgress requesterQosInfo requestPayment
    resourceGroup resourcePool resourcePoolBuckets resourcePoolInfo response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires restore retention rtc seal
    security-token sequential startTime stat status style styleName symlink tagging transferAcceleration uploadId uploads
    userDefinedLogFieldsConfig versionId versioning versions vod website worm wormExtend wormId x-oss-ac-forward-allow
    x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-access-point-name x-oss-async-process x-oss-process
    x-oss-redundancy-transition-taskid x-oss-request-payer x-oss-target-redundancy-type x-oss-traffic-limit
    x-oss-write-get-object-response""".split()  # noqa: SIM905 - one a line would fill two pages
)


def read_header(request: SignedRequest, authorization: str, *, now: float) -> Claim:
    """Return the claim of an Authorization header.

    Raises:
        OssError: InvalidArgument (malformed), AccessDenied (no date), RequestTimeTooSkewed.
    """
    access_key_id, separator, signature = authorization[4:].strip().partition(":")
    if not separator or not access_key_id:
        raise OssError("InvalidArgument", "Authorization header is invalid: expected `OSS AccessKeyId:Signature`")
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    check_skew(parse_date(date), now)
    return _claim(request, access_key_id, signature, date, request.headers.get("x-oss-security-token"))


def read_query(request: SignedRequest, *, now: float) -> Claim:
    """Return the claim of a signed URL.

    Raises:
        OssError: AccessDenied (expired, or no time of expiry), InvalidArgument.
    """
    expires = request.query.get("Expires", "")
    if not expires:
        raise OssError("AccessDenied", "Query-string authentication requires the Signature, Expires and OSSAccessKeyId")
    until = read_number("Expires", expires)
    check_expiry(until, now)
    own = {"Signature", "Expires", "OSSAccessKeyId"}
    signed = replace(request, query={k: v for k, v in request.query.items() if k not in own})
    return _claim(
        signed,
        request.query.get("OSSAccessKeyId", ""),
        request.query["Signature"],
        expires,
        request.query.get("security-token") or request.headers.get("x-oss-security-token"),
    )


def _claim(request: SignedRequest, access_key_id: str, signature: str, date: str, token: str | None) -> Claim:
    oss_headers = "".join(f"{k}:{v}\n" for k, v in sorted(request.headers.items()) if k.startswith("x-oss-"))
    signed = sorted((k, v) for k, v in request.query.items() if k in SUBRESOURCES)
    subresources = "&".join(f"{k}={v}" if v else k for k, v in signed)
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"

    def text(resource: str) -> bytes:
        return "\n".join(
            [
                request.method,
                request.headers.get("content-md5", ""),
                request.headers.get("content-type", ""),
                date,
                oss_headers + resource + (f"?{subresources}" if subresources else ""),
            ]
        ).encode("utf-8", "surrogateescape")

    def signer(resource: str) -> Callable[[str], str]:
        return lambda secret: base64.b64encode(hmac.digest(secret.encode(), text(resource), "sha1")).decode()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=text(resource),
        compute=signer(resource),
        # OpenDAL signs a bucket's path as the URL has it
        alternative=signer(f"/{request.bucket}") if request.path == f"/{request.bucket}" else None,
    )
