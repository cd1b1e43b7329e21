"""Signatures of SLS: is this request from the owner of the key it names, and is it fresh?

Version 1 (`Authorization: LOG ID:SIGNATURE`, HMAC-SHA1 or -SHA256) covers method, digest and type of the body, time, the headers
that SLS acts on, path and query. Version 4 (`SLS4-HMAC-SHA256 Credential=…,Signature=…`) covers them and the host. Neither has a
nonce.

Sources: SLS, "Request signatures"; `auth.py` of aliyun-log-python-sdk 0.9; `client.py` of alibabacloud-gateway-sls 0.4.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from localcloud.kernel.identity import Credential, CredentialStore, Identity
from localcloud.kernel.signatures import FRESH, SignedRequest
from localcloud.kernel.times import from_basic
from localcloud.kernel.values import same_secret
from localcloud.sls.errors import SlsError

V4 = "SLS4-HMAC-SHA256"
_V4_FIELDS = re.compile(
    rf"{V4} Credential=(?P<id>[^/,\s]+)/(?P<scope>(?P<day>[0-9]{{8}})/(?P<region>[^/,\s]+)/sls/aliyun_v4_request),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_V1_FIELDS = re.compile(r"LOG (?P<id>[^:\s]+):(?P<signature>\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """The claim of a request, before anything of it is checked."""

    access_key_id: str
    signed_at: float  # seconds since the epoch
    signature: str
    sign: Callable[[str], str] = field(repr=False)  # (access key secret) -> the signature that is right


def authenticate(request: SignedRequest, *, credentials: CredentialStore, region: str, now: float) -> Identity:
    """Return who sent a request.

    Args:
        request: the request.
        credentials: where access keys are looked up.
        region: the region that a signature of version 4 names.
        now: seconds since the epoch.

    Raises:
        SlsError: the signature is missing, malformed, wrong or too old; the key is unknown; its token is missing, wrong or expired.
    """
    authorization = request.headers.get("authorization", "")
    v4 = authorization.startswith(V4)
    claim = _claim_v4(request, authorization, region=region) if v4 else _claim_v1(request, authorization)
    if abs(now - claim.signed_at) > FRESH:
        raise SlsError(
            "RequestTimeExpired",
            f"Request time {claim.signed_at:.0f} has been expired while server time is {now:.0f}.",
        )
    credential = credentials.find(claim.access_key_id)
    if credential is None:
        raise SlsError("Unauthorized", f"AccessKeyId not found: {claim.access_key_id}")
    if not same_secret(claim.sign(credential.access_key_secret), claim.signature):
        raise SlsError("SignatureNotMatch", f"Signature {claim.signature} not matched.")
    _check_token(credential, request.headers.get("x-acs-security-token"), now)
    return credential.identity


def _check_token(credential: Credential, token: str | None, now: float) -> None:
    right = credential.security_token
    if (right is None) != (token is None) or (right and token and not same_secret(right, token)):
        raise SlsError("Unauthorized", "The security token you provided is invalid.")
    if credential.expires_at is not None and credential.expires_at <= now:
        raise SlsError("Unauthorized", "The security token you provided has expired.")


def _is_signed(name: str) -> bool:
    return name.startswith(("x-acs-", "x-log-")) and not name.startswith("x-log-meta-")


def _claim_v1(request: SignedRequest, authorization: str) -> _Claim:
    fields = _V1_FIELDS.fullmatch(authorization)
    if fields is None:
        raise SlsError("ParameterInvalid", f"Http extend authorization : {authorization[:80]} is invalid.")
    headers = request.headers
    method = headers.get("x-log-signaturemethod", "hmac-sha1")
    if method not in ("hmac-sha1", "hmac-sha256"):
        raise SlsError("NotImplemented", f"not implemented: x-log-signaturemethod {method[:80]}; use hmac-sha1")
    if request.body and "content-md5" not in headers:
        raise SlsError("ParameterInvalid", "a request with a body needs the header Content-MD5, which covers it")
    date = headers.get("date") or headers.get("x-log-date", "")
    if headers.get("x-log-date", date) != date:  # which is the same, for proxies that keep Date back; it is not signed
        raise SlsError("InvalidRequestTime", "x-log-date is not the same as Date")
    lines = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{value}" for name, value in sorted(headers.items()) if _is_signed(name) and name != "x-log-date"]
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query_parameters.items()))
    text = "\n".join([*lines, f"{request.path}?{query}" if query else request.path])

    def sign(secret: str) -> str:
        return base64.b64encode(hmac.digest(_bytes(secret), _bytes(text), method.removeprefix("hmac-"))).decode()

    return _Claim(access_key_id=fields["id"], signed_at=_read_date(date), signature=fields["signature"], sign=sign)


def _read_date(text: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise SlsError("InvalidRequestTime", f"Request time {text[:80]} not follow RFC822 spec.") from error


def _claim_v4(request: SignedRequest, authorization: str, *, region: str) -> _Claim:
    fields = _V4_FIELDS.fullmatch(authorization)
    if fields is None:
        raise SlsError("ParameterInvalid", f"Http extend authorization : {authorization[:80]} is invalid.")
    headers = request.headers
    time, digest = headers.get("x-log-date", ""), hashlib.sha256(request.body).hexdigest()
    try:
        signed_at = from_basic(time)
    except ValueError as error:
        raise SlsError("InvalidRequestTime", f"x-log-date {time[:80]!r} is not of the form 20260131T120000Z") from error
    if fields["region"] != region or fields["day"] != time[:8]:
        raise SlsError("SignatureNotMatch", f"the signature is for {fields['scope']}, not for this region and day")
    if not same_secret(digest, headers.get("x-log-content-sha256", "")):
        raise SlsError("SignatureNotMatch", "x-log-content-sha256 is not the SHA-256 of the body received")
    text = f"{V4}\n{time}\n{fields['scope']}\n{_digest_of_request_v4(request, headers, digest)}"

    def sign(secret: str) -> str:
        key = _bytes(f"aliyun_v4{secret}")
        for part in (fields["day"], fields["region"], "sls", "aliyun_v4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()

    return _Claim(access_key_id=fields["id"], signed_at=signed_at, signature=fields["signature"], sign=sign)


def _digest_of_request_v4(request: SignedRequest, headers: Mapping[str, str], digest: str) -> str:
    signed = sorted(name for name in headers if name in ("content-type", "host") or _is_signed(name))
    query = [f"{name}={quote(value, safe='~')}" if value else name for name, value in request.query_parameters.items()]
    lines = [request.method, request.path, "&".join(sorted(query))]
    lines += [*(f"{name}:{headers[name].strip()}" for name in signed), "", ";".join(signed), digest]
    return hashlib.sha256(_bytes("\n".join(lines))).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")  # HTTP servers hand on header bytes that are not UTF-8 this way
