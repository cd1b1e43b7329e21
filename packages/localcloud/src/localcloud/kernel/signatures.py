"""Signatures of the RPC and ROA APIs: is this request from the owner of the key it names, and is it fresh?

Two schemes, for RAM, STS, FC and ROS alike (OSS has its own): RPC parameters signed with HMAC-SHA1 (SignatureVersion
1.0, in the query or in a form), and ACS3-HMAC-SHA256 in the Authorization header. No HTTP library in here:
`localcloud.kernel.rpc.read_request` turns an aiohttp request into a `SignedRequest`. A service authenticates in two lines:

    request = await rpc.read_request(aiohttp_request)
    identity = authenticator.authenticate(request)  # raises AuthenticationError with .code, .status and .message

All services of a process share one `Authenticator`: an RPC signature does not name the host, so only shared nonces
refuse a replay at another service. Nonces live in memory: a restart forgets them.

Sources: "Request syntax and signature method V2 (RPC)", "Request syntax and signature method V3" (Alibaba Cloud SDK reference);
`get_rpcsignature` and `get_authorization` of alibabacloud_tea_openapi.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from urllib.parse import parse_qsl, quote

from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential, CredentialStore, Identity
from localcloud.kernel.times import from_seconds
from localcloud.kernel.values import same_secret

ACS3 = "ACS3-HMAC-SHA256"
FORM = "application/x-www-form-urlencoded"
# How the names of headers begin that must be signed. Those of Function Compute, x-fc-, need not: its Node client signs none.
_MUST = "x-acs-"
MAX_PARAMETERS = 1000  # of a query or a form; a stack of 200 parameters, the largest call, has some 400
FRESH = 15 * 60  # seconds that a request's time may differ from the server's ("Signature method", Timestamp)

# HTTP status by error code (RAM and STS, "Error codes"; common error codes of the OpenAPI Explorer).
STATUS = {
    "MissingAccessKeyId": 400,
    "InvalidAccessKeyId.NotFound": 404,
    "IncompleteSignature": 400,
    "InvalidSignatureMethod": 400,  # assumed
    "SignatureDoesNotMatch": 400,
    "InvalidTimeStamp.Format": 400,
    "InvalidTimeStamp.Expired": 400,
    "SignatureNonceUsed": 400,
    "MissingSecurityToken": 400,
    "InvalidSecurityToken.MismatchWithAccessKey": 400,
    "InvalidSecurityToken.Expired": 400,
}


class AuthenticationError(ApiError):
    """A request that does not prove who sent it."""

    codes = STATUS


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """The parts of an HTTP request that a signature covers."""

    method: str
    path: str  # as sent, percent-encoded
    query: tuple[tuple[str, str], ...]  # decoded
    headers: Mapping[str, str]  # by lower-case name
    body: bytes = field(repr=False)

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """Query and form parameters together, as RPC actions take them.

        Raises:
            AuthenticationError: a parameter is given twice, so it is unclear which one is signed; the form is not UTF-8.
        """
        return _once([*self.query, *self._form()])

    @property
    def query_parameters(self) -> dict[str, str]:
        """The query's parameters alone.

        Raises:
            AuthenticationError: one is given twice.
        """
        return _once(self.query)

    @property
    def operation(self) -> tuple[str, str]:
        """The action and version that the signature covers: headers of ACS3, else parameters; what is not there is empty.

        Raises:
            AuthenticationError: as `parameters`.
        """
        if self.has_acs3:
            return self.headers.get("x-acs-action", ""), self.headers.get("x-acs-version", "")
        parameters = self.parameters
        return parameters.get("Action", ""), parameters.get("Version", "")

    @property
    def has_acs3(self) -> bool:
        """Return True if the signature stands in the Authorization header; it then covers headers, query and body."""
        return "authorization" in self.headers

    @property
    def signed_headers(self) -> frozenset[str]:
        """The names of headers that an ACS3 signature says to cover."""
        return frozenset(_fields(self.headers.get("authorization", "")).get("SignedHeaders", "").split(";"))

    def _form(self) -> tuple[tuple[str, str], ...]:
        # aiohttp adds a Content-Type behind the SDKs' back, which nobody signed: what is not signed does not count.
        counts = not self.has_acs3 or "content-type" in self.signed_headers
        if not counts or self.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return ()
        return read_query(self.body)


def read_query(text: str | bytes) -> tuple[tuple[str, str], ...]:
    """Decode a query or a form.

    Raises:
        AuthenticationError: it is not UTF-8: two different ones would read the same, and be signed the same; it has more than
            `MAX_PARAMETERS` parameters.
    """
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        if decoded.count("&") >= MAX_PARAMETERS:  # anybody may send it, and all services wait for its reading
            raise AuthenticationError(
                "IncompleteSignature", f"the query or form has more than {MAX_PARAMETERS} parameters; give fewer."
            )
        return tuple(parse_qsl(decoded, keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise AuthenticationError("IncompleteSignature", f"the query or form cannot be read: {error}.") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """The claim of a request, before anything of it is checked."""

    access_key_id: str
    token: str | None = field(repr=False)
    timestamp: str
    nonce: str
    signature: str
    string_to_sign: Callable[[], str]  # made when the key is known, for it takes long of a long request
    sign: Callable[[str, str], str]  # (access key secret, string to sign) -> signature


class Authenticator:
    """Checks signature, token, time and nonce of requests."""

    def __init__(self, credentials: CredentialStore, *, clock: Callable[[], float]) -> None:
        """Check against the keys of a store.

        Args:
            credentials: where access keys are looked up.
            clock: seconds since the epoch.
        """
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()  # held while nonces are used
        # The digest of an access key's id and a nonce -> when it may be forgotten; oldest first. Digests, for clients choose how
        # long nonces are.
        self._nonces: dict[bytes, float] = {}

    def of(self, credentials: CredentialStore) -> Authenticator:
        """Return one that looks keys up elsewhere, and takes no request that this one took, nor the other way round."""
        other = copy(self)
        other._credentials = credentials
        return other

    def authenticate(self, request: SignedRequest) -> Identity:
        """Return who sent the request. Thread-safe.

        Raises:
            AuthenticationError: the signature is missing, incomplete, wrong, too old or used before; the key is
                unknown; its token is missing, not the key's own, or expired.
        """
        claim = _acs3_claim(request) if request.has_acs3 else _rpc_claim(request)
        now = self._clock()
        _check_time(claim.timestamp, now)
        credential = self._credentials.find(claim.access_key_id)
        if credential is None:
            raise AuthenticationError("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        string_to_sign = claim.string_to_sign()
        expected = claim.sign(credential.access_key_secret, string_to_sign)
        if not same_secret(expected, claim.signature):
            raise AuthenticationError(
                "SignatureDoesNotMatch",
                f"Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}",
            )
        _check_token(credential, claim.token, now)
        self._use_nonce(hashlib.sha256(_encode(f"{claim.access_key_id} {claim.nonce}")).digest(), now)
        return credential.identity

    def _use_nonce(self, nonce: bytes, now: float) -> None:
        with self._lock:
            for old, _ in list(takewhile(lambda item: item[1] <= now, self._nonces.items())):
                del self._nonces[old]
            if nonce in self._nonces:
                raise AuthenticationError("SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = now + 2 * FRESH  # a request dated FRESH ahead stays fresh that long


def _check_time(timestamp: str, now: float) -> None:
    try:
        sent = from_seconds(timestamp)
    except ValueError as error:
        raise AuthenticationError(
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted: expected YYYY-MM-DDThh:mm:ssZ in UTC.",
        ) from error
    if abs(now - sent) > FRESH:
        raise AuthenticationError(
            "InvalidTimeStamp.Expired",
            f"Specified time stamp or date value is expired: it is {abs(now - sent):.0f} s off the server's clock.",
        )


def _check_token(credential: Credential, token: str | None, now: float) -> None:
    if credential.security_token is None:
        if token is not None:
            raise AuthenticationError(
                "InvalidSecurityToken.MismatchWithAccessKey",
                "The access key is a long-lived one and takes no SecurityToken.",
            )
        return
    if token is None:
        raise AuthenticationError("MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if not same_secret(credential.security_token, token):
        raise AuthenticationError(
            "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."
        )
    if credential.expires_at is not None and credential.expires_at <= now:
        raise AuthenticationError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")  # HTTP servers hand on header bytes that are not UTF-8 this way


def _percent(text: str) -> str:
    return quote(text, safe="~")


def _canonical_query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_percent(name)}={_percent(value)}" for name, value in sorted(parameters.items()))


def _rpc_claim(request: SignedRequest) -> _Claim:
    parameters = request.parameters
    if "AccessKeyId" not in parameters:
        raise AuthenticationError("MissingAccessKeyId", "AccessKeyId is mandatory for this action.")
    missing = [name for name in ("Signature", "SignatureNonce", "Timestamp") if not parameters.get(name)]
    if missing:
        raise AuthenticationError("IncompleteSignature", f"the request has no parameter {', '.join(missing)}.")
    method, version = parameters.get("SignatureMethod"), parameters.get("SignatureVersion")
    if (method, version) != ("HMAC-SHA1", "1.0"):
        raise AuthenticationError(
            "InvalidSignatureMethod",
            f"not implemented: SignatureMethod {method} {version}; use HMAC-SHA1 1.0 or {ACS3}.",
        )
    signed = {name: value for name, value in parameters.items() if name != "Signature"}

    def string_to_sign() -> str:
        return f"{request.method}&%2F&{_percent(_canonical_query(signed))}"

    return _Claim(
        access_key_id=parameters["AccessKeyId"],
        token=parameters.get("SecurityToken"),
        timestamp=parameters["Timestamp"],
        nonce=parameters["SignatureNonce"],
        signature=parameters["Signature"],
        string_to_sign=string_to_sign,
        sign=_rpc_sign,
    )


def _rpc_sign(secret: str, string_to_sign: str) -> str:
    return base64.b64encode(hmac.digest(_encode(f"{secret}&"), _encode(string_to_sign), "sha1")).decode()


def _acs3_claim(request: SignedRequest) -> _Claim:
    fields = _acs3_fields(request.headers["authorization"])
    signed = fields["SignedHeaders"].split(";")
    _check_signed_headers(request, signed)
    content = request.headers["x-acs-content-sha256"]
    if content != hashlib.sha256(request.body).hexdigest():
        raise AuthenticationError(
            "SignatureDoesNotMatch", "x-acs-content-sha256 is not the SHA-256 of the body received."
        )
    query = request.query_parameters

    def string_to_sign() -> str:
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in sorted(signed))
        canonical = "\n".join(
            (request.method, request.path or "/", _canonical_query(query), headers, ";".join(sorted(signed)), content)
        )
        return f"{ACS3}\n{hashlib.sha256(_encode(canonical)).hexdigest()}"

    return _Claim(
        access_key_id=fields["Credential"],
        token=request.headers.get("x-acs-security-token"),
        timestamp=request.headers["x-acs-date"],
        nonce=request.headers["x-acs-signature-nonce"],
        signature=fields["Signature"],
        string_to_sign=string_to_sign,
        sign=_acs3_sign,
    )


def _acs3_sign(secret: str, string_to_sign: str) -> str:
    return hmac.digest(_encode(secret), _encode(string_to_sign), "sha256").hex()


def _acs3_fields(authorization: str) -> dict[str, str]:
    scheme = authorization.partition(" ")[0]
    if scheme != ACS3:
        raise AuthenticationError("InvalidSignatureMethod", f"not implemented: Authorization {scheme}; use {ACS3}.")
    fields = _fields(authorization)
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]
    if missing:
        raise AuthenticationError("IncompleteSignature", f"the Authorization header has no {', '.join(missing)}.")
    return fields


def _fields(authorization: str) -> dict[str, str]:
    return dict(part.strip().partition("=")[::2] for part in authorization.partition(" ")[2].split(","))


def _check_signed_headers(request: SignedRequest, signed: list[str]) -> None:
    """Check that the host and all headers of the scheme itself are signed: an unsigned one could be changed on the way."""
    always = {"host", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"}
    wanted = always | {name for name in request.headers if name.startswith(_MUST)}
    if unsigned := sorted(wanted - set(signed)):
        raise AuthenticationError("IncompleteSignature", f"SignedHeaders does not name {', '.join(unsigned)}.")
    if absent := sorted(set(signed) - set(request.headers)):
        raise AuthenticationError(
            "IncompleteSignature", f"SignedHeaders names {', '.join(absent)}, which was not sent."
        )


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        repeated = min(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise AuthenticationError("IncompleteSignature", f"give the parameter {repeated} once, not several times.")
    return parameters
