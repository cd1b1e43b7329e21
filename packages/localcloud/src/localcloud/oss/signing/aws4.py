"""Version 4 of AWS's signatures, which OSS takes where it speaks the S3 protocol: in the header, in URLs, and of a body's pieces.

Sources: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)"; OSS, "Use Amazon S3 SDKs to access OSS". The
region that a signature names is free: the vendor's examples leave it to the SDK's default.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from localcloud.oss.arguments import read_number
from localcloud.oss.digests import UNSIGNED
from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import Claim, SignedRequest, check_expiry, check_skew, parse_date

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES = 7 * 24 * 3600  # seconds; S3, presigned URLs
NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The day, region and service for which a key was derived from the access key secret."""

    access_key_id: str
    day: str
    region: str
    service: str
    end: str

    def __str__(self) -> str:
        return "/".join((self.day, self.region, self.service, self.end))

    def derive(self, secret: str) -> bytes:
        """Return the key that signs."""
        key = b"AWS4" + secret.encode()
        for part in (self.day, self.region, self.service, self.end):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def read_scope(credential: str, moment: str) -> Scope:
    """Read `ACCESS_KEY_ID/DAY/REGION/s3/aws4_request`.

    Raises:
        OssError: InvalidArgument.
    """
    parts = credential.split("/")
    if len(parts) != 5 or parts[1] != moment[:8] or parts[3:] != ["s3", "aws4_request"]:
        raise OssError(
            "InvalidArgument",
            f"Invalid credential {credential[:200]}: expected ACCESS_KEY_ID/{moment[:8]}/REGION/s3/aws4_request",
        )
    return Scope(access_key_id=parts[0], day=parts[1], region=parts[2], service=parts[3], end=parts[4])


def read_header(request: SignedRequest, authorization: str, *, now: float) -> Claim:
    """Return the claim of an Authorization header.

    Raises:
        OssError: InvalidArgument (malformed), AccessDenied (no date, or a header is not signed), RequestTimeTooSkewed.
    """
    fields = _read_fields(authorization)
    moment = request.headers.get("x-amz-date", "")
    check_skew(parse_date(moment), now)
    payload = request.headers.get("x-amz-content-sha256", "")
    if not payload:
        raise OssError("InvalidArgument", "x-amz-content-sha256 is missing; S3 requests carry it.")
    return _claim(
        request,
        scope=read_scope(fields["Credential"], moment),
        moment=moment,
        signed=fields["SignedHeaders"].split(";"),
        signature=fields["Signature"],
        payload=payload,
        token=request.headers.get("x-amz-security-token"),
    )


def _read_fields(authorization: str) -> dict[str, str]:
    fields = dict(part.strip().partition("=")[::2] for part in authorization[len(ALGORITHM) :].split(","))
    if missing := [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]:
        raise OssError("InvalidArgument", f"Authorization header is invalid: it has no {', '.join(missing)}")
    return fields


def read_query(request: SignedRequest, *, now: float) -> Claim:
    """Return the claim of a signed URL.

    Raises:
        OssError: InvalidArgument (malformed), AccessDenied (expired, no date, or a header is not signed).
    """
    query = {name.lower(): value for name, value in request.query.items()}
    if query.get("x-amz-algorithm") != ALGORITHM:
        raise OssError("InvalidArgument", f"X-Amz-Algorithm must be {ALGORITHM}")
    moment = query.get("x-amz-date", "")
    signed_at = parse_date(moment)
    expires = read_number("X-Amz-Expires", query.get("x-amz-expires", ""), low=1, high=MAX_EXPIRES)
    check_expiry(signed_at + expires, now)
    return _claim(
        request,
        scope=read_scope(query.get("x-amz-credential", ""), moment),
        moment=moment,
        signed=query.get("x-amz-signedheaders", "").split(";"),
        signature=query.get("x-amz-signature", ""),
        payload=request.headers.get("x-amz-content-sha256", UNSIGNED),
        token=query.get("x-amz-security-token") or request.headers.get("x-amz-security-token"),
    )


def _claim(
    request: SignedRequest,
    *,
    scope: Scope,
    moment: str,
    signed: Sequence[str],
    signature: str,
    payload: str,
    token: str | None,
) -> Claim:
    _check_signed(request.headers, signed)
    query = {name: value for name, value in request.query.items() if name.lower() != "x-amz-signature"}
    canonical = "\n".join(
        [
            request.method,
            request.path,
            "&".join(f"{name}={value}" for name, value in sorted((_encode(k), _encode(v)) for k, v in query.items())),
            "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed),
            ";".join(signed),
            payload,
        ]
    ).encode("utf-8", "surrogateescape")
    string_to_sign = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()
    return Claim(
        access_key_id=scope.access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        compute=lambda secret: hmac.digest(scope.derive(secret), string_to_sign, "sha256").hex(),
    )


def _check_signed(headers: Mapping[str, str], signed: Sequence[str]) -> None:
    """Refuse a request of which somebody could have changed a header that is obeyed.

    Raises:
        OssError: AccessDenied.
    """
    wanted = {"host"} | {name for name in headers if name.startswith("x-amz-")}
    if unsigned := sorted(wanted - set(signed) - {"x-amz-content-sha256"}):
        raise OssError(
            "AccessDenied", f"There were headers present in the request which were not signed: {', '.join(unsigned)}"
        )


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")


@dataclass(kw_only=True, slots=True)
class PieceSigner:
    """Signs the pieces of a body, each with the signature of the one before.

    Attributes:
        key: derived for the request's scope.
        moment: the request's time.
        scope: the request's.
        previous: the signature before: at first, that of the request's head.
    """

    key: bytes = field(repr=False)
    moment: str
    scope: str
    previous: str

    def piece(self, sha256: str) -> str:
        """Return the signature of the next piece, by the digest of its bytes."""
        text = f"{ALGORITHM}-PAYLOAD\n{self.moment}\n{self.scope}\n{self.previous}\n{NOTHING}\n{sha256}"
        self.previous = hmac.digest(self.key, text.encode(), "sha256").hex()
        return self.previous


def piece_signer(headers: Mapping[str, str], secret: str) -> PieceSigner:
    """Return the signer of a body's pieces.

    Args:
        headers: the request's, by lower-case name; the signature in Authorization is proved.
        secret: of the access key that it names.

    Raises:
        OssError: InvalidArgument (a URL's signature signs no pieces).
    """
    fields, moment = _read_fields(headers.get("authorization", "")), headers.get("x-amz-date", "")
    scope = read_scope(fields["Credential"], moment)
    return PieceSigner(key=scope.derive(secret), moment=moment, scope=str(scope), previous=fields["Signature"])
