"""Version 2 of OSS's signatures: as version 1, but HMAC-SHA256 of all query parameters, and of the headers that the client names.

OSS no longer describes it; its SDKs for Python (`AuthV2`) and Go still sign so.
Sources: `oss2.auth.ProviderAuthV2`, and `auth.go` of aliyun-oss-go-sdk.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from urllib.parse import quote

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import Claim, SignedRequest, check_expiry, check_skew, parse_date

SCHEME = "OSS2"


def read_header(request: SignedRequest, authorization: str, *, now: float) -> Claim:
    """Return the claim of an Authorization header.

    Raises:
        OssError: InvalidArgument (malformed), AccessDenied (no date), RequestTimeTooSkewed.
    """
    fields = dict(part.strip().partition(":")[::2] for part in authorization.removeprefix(SCHEME).split(","))
    if not fields.get("AccessKeyId") or not fields.get("Signature"):
        raise OssError("InvalidArgument", "Authorization header is invalid: AccessKeyId and Signature are required")
    date = request.headers.get("date", "")
    check_skew(parse_date(request.headers.get("x-oss-date") or date), now)
    return _claim(
        request,
        access_key_id=fields["AccessKeyId"],
        signature=fields["Signature"],
        date=date,
        additional=fields.get("AdditionalHeaders", ""),
        token=request.headers.get("x-oss-security-token"),
    )


def read_query(request: SignedRequest, *, now: float) -> Claim:
    """Return the claim of a signed URL.

    Raises:
        OssError: AccessDenied (expired), InvalidArgument (malformed).
    """
    query = request.query
    expires = query.get("x-oss-expires", "")
    check_expiry(read_number("x-oss-expires", expires), now)
    return _claim(
        replace(request, query={name: value for name, value in query.items() if name != "x-oss-signature"}),
        access_key_id=query.get("x-oss-access-key-id", ""),
        signature=query.get("x-oss-signature", ""),
        date=expires,
        additional=query.get("x-oss-additional-headers", ""),
        token=query.get("security-token") or request.headers.get("x-oss-security-token"),
    )


def _claim(
    request: SignedRequest, *, access_key_id: str, signature: str, date: str, additional: str, token: str | None
) -> Claim:
    names = sorted({name.lower() for name in additional.split(";") if name})
    headers = "".join(
        f"{name}:{value}\n"
        for name, value in sorted(request.headers.items())
        if name.startswith("x-oss-") or name in names
    )
    query = sorted((_encode(name), _encode(value)) for name, value in request.query.items())
    resource = _encode(f"/{request.bucket}/{request.key}" if request.bucket else "/")
    if query:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in query)
    string_to_sign = "\n".join(
        [
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            date,
            headers + ";".join(names),
            resource,
        ]
    ).encode("utf-8", "surrogateescape")
    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        compute=lambda secret: base64.b64encode(hmac.digest(secret.encode(), string_to_sign, "sha256")).decode(),
    )


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
