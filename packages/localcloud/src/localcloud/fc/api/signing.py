"""The signature of API version 2016-08-15: `Authorization: FC AccessKeyId:Signature`, HMAC-SHA256.

Pure. Sources: Function Compute, "Signature authentication"; `sign_request` of the official client aliyun-fc2.
"""

from __future__ import annotations

import base64
import hmac
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from localcloud.fc.errors import FcError
from localcloud.kernel.identity import CredentialStore, Identity
from localcloud.kernel.signatures import FRESH, SignedRequest
from localcloud.kernel.values import same_secret

SCHEME = "FC "  # how the Authorization header begins


def authenticate(request: SignedRequest, *, credentials: CredentialStore, now: float) -> Identity:
    """Return who sent a request.

    Raises:
        FcError: the key is unknown, the signature wrong or too old, the token wrong or expired.
    """
    key, separator, signature = request.headers.get("authorization", "").removeprefix(SCHEME).strip().partition(":")
    if not separator:
        raise FcError("MissingRequiredHeader", "the Authorization header is not `FC AccessKeyId:Signature`")
    credential = credentials.find(key)
    if credential is None:
        raise FcError("InvalidAccessKeyID", f"invalid access key ID '{key}'")
    decoded = unquote(request.path, errors="surrogateescape")
    plain = _string_to_sign(request, decoded, with_query=False)
    # The clients sign the query for HTTP triggers and signed URLs only, and that of Node.js the path as it is sent: all are right.
    others = (
        _string_to_sign(request, path, with_query=query) for path, query in ((decoded, True), (request.path, False))
    )
    if not any(_matches(credential.access_key_secret, text, signature) for text in (plain, *others)):
        raise FcError(
            "SignatureNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your access key and "
            f"signing method; the string to sign is {plain!r}",
        )
    _check_date(request.headers.get("date", ""), now)
    if not same_secret(credential.security_token or "", request.headers.get("x-fc-security-token", "")):
        raise FcError("AccessDenied", "the security token is missing or is not this access key's")
    if credential.expires_at is not None and now >= credential.expires_at:
        raise FcError("AccessDenied", "the security token has expired; assume the role again")
    return credential.identity


def _matches(secret: str, text: str, signature: str) -> bool:
    # What is not UTF-8 in a header or path comes as surrogates; these are its bytes again.
    right = base64.b64encode(hmac.digest(secret.encode(), text.encode(errors="surrogateescape"), "sha256"))
    return same_secret(right.decode(), signature)


def _string_to_sign(request: SignedRequest, resource: str, *, with_query: bool) -> str:
    headers = request.headers
    own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-fc-"))
    if with_query:
        resource += "\n" + "\n".join(sorted(f"{name}={value}" if value else name for name, value in request.query))
    parts = [
        request.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        headers.get("date", ""),
        own + resource,
    ]
    return "\n".join(parts)


def _check_date(date: str, now: float) -> None:
    try:
        signed_at = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise FcError("MissingRequiredHeader", "the Date header is missing or is no date") from error
    if abs(now - signed_at) > FRESH:
        raise FcError("AccessDenied", f"the Date header differs from the server's time by more than {FRESH} seconds")
