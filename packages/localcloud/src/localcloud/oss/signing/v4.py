"""Version 4 of OSS's signatures: HMAC-SHA256 with a key that is good for one day, region and service.

Source: OSS, "Signature version 4".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote

from localcloud.kernel.times import to_basic
from localcloud.oss.arguments import read_number
from localcloud.oss.digests import UNSIGNED
from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import Claim, SignedRequest, check_expiry, check_skew, parse_date

MAX_EXPIRES = 7 * 24 * 3600  # seconds; OSS, presigned URLs with V4
ALGORITHM = "OSS4-HMAC-SHA256"
_CONTENT = frozenset({"content-type", "content-md5"})  # signed beside those of OSS itself
_PLAIN = re.compile(r"[A-Za-z0-9/_.~-]*")  # a path that is encoded as it is, as most are


def read_header(request: SignedRequest, authorization: str, *, region: str, now: float) -> Claim:
    """Return the claim of an Authorization header.

    Raises:
        OssError: InvalidArgument (malformed, or of another region), AccessDenied (no date), RequestTimeTooSkewed.
    """
    fields = {}
    for part in authorization[len(ALGORITHM) :].split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    if "Credential" not in fields or "Signature" not in fields:
        raise OssError("InvalidArgument", "Authorization header is invalid: Credential and Signature are required")
    moment = request.headers.get("x-oss-date") or request.headers.get("date", "")
    signed_at = parse_date(moment)
    check_skew(signed_at, now)
    additional = [name.lower() for name in fields.get("AdditionalHeaders", "").split(";") if name]
    return _claim(
        request,
        credential=fields["Credential"],
        signature=fields["Signature"],
        moment=moment,  # as it came: the SDK for Go signs the text of Date
        day=to_basic(signed_at)[:8],
        additional=additional,
        token=request.headers.get("x-oss-security-token"),
        region=region,
        misplaced="Invalid signing region in Authorization header.",
    )


def read_query(request: SignedRequest, *, region: str, now: float) -> Claim:
    """Return the claim of a signed URL.

    Raises:
        OssError: InvalidArgument (malformed, or of another region), AccessDenied (expired, or no date).
    """
    query = request.query
    if query.get("x-oss-signature-version") != ALGORITHM:
        raise OssError("InvalidArgument", f"x-oss-signature-version must be {ALGORITHM}")
    moment = query.get("x-oss-date", "")
    signed_at = parse_date(moment)
    until = signed_at + read_number("x-oss-expires", query.get("x-oss-expires", ""), low=1, high=MAX_EXPIRES)
    check_expiry(until, now)
    additional = [name.lower() for name in query.get("x-oss-additional-headers", "").split(";") if name]
    unsigned = replace(request, query={k: v for k, v in query.items() if k != "x-oss-signature"})
    return _claim(
        unsigned,
        credential=query.get("x-oss-credential", ""),
        signature=query["x-oss-signature"],
        moment=moment,
        day=moment[:8],
        additional=additional,
        token=query.get("x-oss-security-token") or request.headers.get("x-oss-security-token"),
        region=region,
        misplaced="The signing region in credential is invalid.",
    )


def _claim(
    request: SignedRequest,
    *,
    credential: str,
    signature: str,
    moment: str,
    day: str,
    additional: list[str],
    token: str | None,
    region: str,
    misplaced: str,
) -> Claim:
    access_key_id, scope = _read_credential(credential, day, region, misplaced)
    if additional and (absent := [name for name in sorted(additional) if name not in request.headers]):
        raise OssError(
            "InvalidArgument",
            f"The request has no header {absent[0][:100]}, which its additional headers name.",
            {"ArgumentName": "x-oss-additional-headers"},
        )
    canonical = _canonical(request, additional)
    string_to_sign = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()

    def compute(secret: str) -> str:
        digest = _keyed(secret, scope).copy()
        digest.update(string_to_sign)
        return digest.hexdigest()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        compute=compute,
    )


@lru_cache(maxsize=64)  # a client's requests of a day have the same
def _read_credential(credential: str, day: str, region: str, misplaced: str) -> tuple[str, str]:
    """Return the access key's id and the scope that a credential names; `misplaced` is said of another region.

    Raises:
        OssError: InvalidArgument (of another day, region or service).
    """
    access_key_id, *scope = credential.split("/")
    expected = [day, region, "oss", "aliyun_v4_request"]
    if len(scope) == len(expected) and scope[2] != "oss":
        raise OssError(
            "InvalidArgument",
            "Invalid signing product in Authorization header.",
            {"ArgumentValue": scope[2][:100], "Expected": "oss"},
            ec="0002-00000227",
        )
    if len(scope) == len(expected) and scope[1] != region:
        raise OssError(
            "InvalidArgument",
            misplaced,
            {"ArgumentValue": scope[1][:100], "Expected": region},
            ec="0002-00000226",
        )
    if scope != expected:
        raise OssError(
            "InvalidArgument",
            f"Invalid credential scope {'/'.join(scope)}: expected {'/'.join(expected)}",
        )
    return access_key_id, "/".join(scope)


@lru_cache(maxsize=64)  # good for a day; each request would make four digests, and set up a fifth
def _keyed(secret: str, scope: str) -> hmac.HMAC:
    return hmac.new(derive(secret, tuple(scope.split("/"))), digestmod="sha256")


def derive(secret: str, scope: tuple[str, ...]) -> bytes:
    """Return the key that signs for a scope: day, region, service, and the end of it."""
    key = b"aliyun_v4" + secret.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical(request: SignedRequest, additional: list[str]) -> bytes:
    headers = request.headers
    uri = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    if not _PLAIN.fullmatch(uri):
        uri = quote(uri, safe="/-_.~", errors="surrogateescape")
    query = sorted([(_encode(k), _encode(v)) for k, v in request.query.items()])
    signed = sorted([name for name in headers if name.startswith("x-oss-") or name in _CONTENT or name in additional])
    return "\n".join(
        [
            request.method,
            uri,
            "&".join([f"{k}={v}" if v else k for k, v in query]),
            "".join([f"{name}:{headers[name].strip()}\n" for name in signed]),
            ";".join(sorted(additional)),
            headers.get("x-oss-content-sha256", UNSIGNED),
        ]
    ).encode("utf-8", "surrogateescape")


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
