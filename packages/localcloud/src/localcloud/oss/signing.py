"""OSS signatures V1 and V4, in the Authorization header and in the query: what was signed, and whether it is right.

Pure: a request comes in as values, a `Claim` (who says so, and the signature that they should have sent) goes out.

Sources: OSS, "Include signatures in the Authorization header" and "Add signatures to URLs" (V1), "Signature version 4"; the
official clients sign in the same way.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from localcloud.kernel.values import same_secret
from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError

MAX_SKEW = 15 * 60  # seconds; OSS answers RequestTimeTooSkewed beyond it
MAX_EXPIRES_V4 = 7 * 24 * 3600  # seconds; OSS, presigned URLs with V4
V4 = "OSS4-HMAC-SHA256"

# The query parameters that V1 signs (OSS, "Include signatures in the Authorization header", CanonicalizedResource).
SUBRESOURCES = frozenset(
    """acl append asyncFetch bucketInfo callback callback-var cname comp continuation-token cors delete encryption endTime group
    httpsConfig img inventory inventoryId lifecycle link live location logging metaQuery objectInfo objectMeta partNumber policy
    position publicAccessBlock qos qosInfo qosRequester referer regionList replication replicationLocation replicationProgress
    requestPayment requesterQosInfo resourceGroup response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires restore security-token sequential startTime stat status
    style styleName symlink tagging transferAcceleration uploadId uploads versionId versioning versions vod website worm
    wormExtend wormId x-oss-ac-forward-allow x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-async-process
    x-oss-process x-oss-request-payer x-oss-traffic-limit""".split()  # noqa: SIM905 - one a line would fill two pages
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """The parts of an HTTP request that a signature covers."""

    method: str
    bucket: str  # empty for the service
    key: str  # empty for a bucket
    query: Mapping[str, str]  # decoded
    headers: Mapping[str, str]  # lower-case names


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who a request says it is from, and how to check that."""

    access_key_id: str
    security_token: str | None
    signature: str
    string_to_sign: bytes
    compute: Callable[[str], str]  # from the access key secret to the right signature

    def verify(self, secret: str) -> None:
        """Check the signature.

        Raises:
            OssError: SignatureDoesNotMatch, with the string that should have been signed.
        """
        if not same_secret(self.compute(secret), self.signature):
            raise OssError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                {
                    "OSSAccessKeyId": self.access_key_id,
                    "SignatureProvided": self.signature,
                    "StringToSign": self.string_to_sign.decode(errors="replace"),
                },
            )


def read_claim(request: SignedRequest, *, region: str, now: float) -> Claim | None:
    """Return who signed a request, or None for an anonymous one.

    Args:
        request: the request.
        region: the region of the service; V4 signs it.
        now: seconds since the epoch.

    Raises:
        OssError: the signature is malformed, expired, or made for another time or region.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(V4):
        return _header_v4(request, authorization, region=region, now=now)
    if authorization.startswith("OSS "):
        return _header_v1(request, authorization, now=now)
    if authorization:
        raise OssError("InvalidArgument", "Authorization header is invalid: it begins neither with OSS nor with " + V4)
    if "x-oss-signature" in request.query:
        return _query_v4(request, region=region, now=now)
    if "Signature" in request.query:
        return _query_v1(request, now=now)
    return None


# Version 1


def _header_v1(request: SignedRequest, authorization: str, *, now: float) -> Claim:
    access_key_id, separator, signature = authorization[4:].strip().partition(":")
    if not separator or not access_key_id:
        raise OssError("InvalidArgument", "Authorization header is invalid: expected `OSS AccessKeyId:Signature`")
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    _check_skew(_parse_date(date), now)
    return _claim_v1(request, access_key_id, signature, date, request.headers.get("x-oss-security-token"))


def _query_v1(request: SignedRequest, *, now: float) -> Claim:
    expires = request.query.get("Expires", "")
    if not expires:
        raise OssError("AccessDenied", "Query-string authentication requires the Signature, Expires and OSSAccessKeyId")
    until = read_number("Expires", expires)
    if now > until:
        raise OssError("AccessDenied", "Request has expired.", {"Expires": _iso(until), "ServerTime": _iso(now)})
    signed = SignedRequest(
        method=request.method,
        bucket=request.bucket,
        key=request.key,
        query={k: v for k, v in request.query.items() if k not in {"Signature", "Expires", "OSSAccessKeyId"}},
        headers=request.headers,
    )
    return _claim_v1(
        signed,
        request.query.get("OSSAccessKeyId", ""),
        request.query["Signature"],
        expires,
        request.query.get("security-token") or request.headers.get("x-oss-security-token"),
    )


def _claim_v1(request: SignedRequest, access_key_id: str, signature: str, date: str, token: str | None) -> Claim:
    oss_headers = "".join(f"{k}:{v}\n" for k, v in sorted(request.headers.items()) if k.startswith("x-oss-"))
    signed = sorted((k, v) for k, v in request.query.items() if k in SUBRESOURCES)
    subresources = "&".join(f"{k}={v}" if v else k for k, v in signed)
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    string_to_sign = "\n".join(
        [
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            date,
            oss_headers + resource + (f"?{subresources}" if subresources else ""),
        ]
    ).encode("utf-8", "surrogateescape")

    def compute(secret: str) -> str:
        return base64.b64encode(hmac.digest(secret.encode(), string_to_sign, "sha1")).decode()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        compute=compute,
    )


# Version 4


def _header_v4(request: SignedRequest, authorization: str, *, region: str, now: float) -> Claim:
    fields = {}
    for part in authorization[len(V4) :].split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    if "Credential" not in fields or "Signature" not in fields:
        raise OssError("InvalidArgument", "Authorization header is invalid: Credential and Signature are required")
    moment = request.headers.get("x-oss-date") or request.headers.get("date", "")
    signed_at = _parse_date(moment)
    _check_skew(signed_at, now)
    additional = [name.lower() for name in fields.get("AdditionalHeaders", "").split(";") if name]
    return _claim_v4(
        request,
        credential=fields["Credential"],
        signature=fields["Signature"],
        moment=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(signed_at)),
        additional=additional,
        token=request.headers.get("x-oss-security-token"),
        region=region,
    )


def _query_v4(request: SignedRequest, *, region: str, now: float) -> Claim:
    query = request.query
    if query.get("x-oss-signature-version") != V4:
        raise OssError("InvalidArgument", f"x-oss-signature-version must be {V4}")
    moment = query.get("x-oss-date", "")
    signed_at = _parse_date(moment)
    until = signed_at + read_number("x-oss-expires", query.get("x-oss-expires", ""), low=1, high=MAX_EXPIRES_V4)
    if now > until:
        raise OssError("AccessDenied", "Request has expired.", {"Expires": _iso(until), "ServerTime": _iso(now)})
    additional = [name.lower() for name in query.get("x-oss-additional-headers", "").split(";") if name]
    unsigned = SignedRequest(
        method=request.method,
        bucket=request.bucket,
        key=request.key,
        query={k: v for k, v in query.items() if k != "x-oss-signature"},
        headers=request.headers,
    )
    return _claim_v4(
        unsigned,
        credential=query.get("x-oss-credential", ""),
        signature=query["x-oss-signature"],
        moment=moment,
        additional=additional,
        token=query.get("x-oss-security-token") or request.headers.get("x-oss-security-token"),
        region=region,
    )


def _claim_v4(
    request: SignedRequest,
    *,
    credential: str,
    signature: str,
    moment: str,
    additional: list[str],
    token: str | None,
    region: str,
) -> Claim:
    access_key_id, *scope = credential.split("/")
    expected = [moment[:8], region, "oss", "aliyun_v4_request"]
    if scope != expected:
        raise OssError(
            "InvalidArgument",
            f"Invalid credential scope {'/'.join(scope)}: expected {'/'.join(expected)}",
        )
    canonical = _canonical_v4(request, additional)
    string_to_sign = f"{V4}\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(canonical).hexdigest()}".encode()

    def compute(secret: str) -> str:
        key = b"aliyun_v4" + secret.encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, string_to_sign, "sha256").hex()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        compute=compute,
    )


def _canonical_v4(request: SignedRequest, additional: list[str]) -> bytes:
    uri = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    query = sorted((_encode(k), _encode(v)) for k, v in request.query.items())
    headers = "".join(
        f"{name}:{value.strip()}\n"
        for name, value in sorted(request.headers.items())
        if name.startswith("x-oss-") or name in {"content-type", "content-md5"} or name in additional
    )
    return "\n".join(
        [
            request.method,
            quote(uri, safe="/-_.~", errors="surrogateescape"),
            "&".join(f"{k}={v}" if v else k for k, v in query),
            headers,
            ";".join(sorted(additional)),
            request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        ]
    ).encode("utf-8", "surrogateescape")


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")


# Time


def _parse_date(text: str) -> float:
    try:
        if text.endswith("Z") and "T" in text:
            return float(calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ")))
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError) as error:
        raise OssError("AccessDenied", "OSS authentication requires a valid Date.") from error


def _check_skew(signed_at: float, now: float) -> None:
    if abs(now - signed_at) > MAX_SKEW:
        raise OssError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            {
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW * 1000),
                "RequestTime": _iso(signed_at),
                "ServerTime": _iso(now),
            },
        )


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))
