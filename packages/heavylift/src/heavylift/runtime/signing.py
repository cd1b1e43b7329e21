"""Signatures of requests to OSS, version 4.

Standard library only: the deployment's handler carries this module as well as the loader does.

Source: OSS, "Include a V4 signature in the Authorization header".
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

from heavylift.runtime.credentials import Credentials

ALGORITHM = "OSS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"  # the body's digest is not part of the signature
_UNRESERVED = "-_.~"  # characters that stand for themselves in a URL, beside letters and digits


def sign(
    method: str,
    bucket: str,
    key: str,
    *,
    region: str,
    credentials: Credentials,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    now: str = "",
) -> dict[str, str]:
    """Return a request's headers with its signature.

    Args:
        method: of HTTP.
        bucket: the bucket's name.
        key: the object's key; empty: the request is about the bucket.
        region: id.
        credentials: whose signature.
        query: parameters, not encoded.
        headers: those that are signed, with names in small letters: Content-Type, Content-MD5 and all of `x-oss-`.
        now: `20261123T224500Z`; empty: the clock says.
    """
    now = now or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/{region}/oss/aliyun_v4_request"
    signed = {**(headers or {}), "x-oss-content-sha256": UNSIGNED, "x-oss-date": now}
    if credentials.security_token:
        signed["x-oss-security-token"] = credentials.security_token
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    # No other headers are signed: the line before the last is empty.
    request = f"{method}\n/{bucket}/{encode_key(key)}\n{encode_query(query or {})}\n{lines}\n\n{UNSIGNED}"
    text = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    derived = f"aliyun_v4{credentials.access_key_secret}".encode()
    for word in (*scope.split("/"), text):
        derived = hmac.digest(derived, word.encode(), "sha256")
    credential = f"{credentials.access_key_id}/{scope}"
    return {**signed, "authorization": f"{ALGORITHM} Credential={credential}, Signature={derived.hex()}"}


def encode_key(key: str) -> str:
    """Return an object's key as it stands in a URL and is signed."""
    return quote(key, safe=f"/{_UNRESERVED}")


def encode_query(query: Mapping[str, str]) -> str:
    """Return parameters as they stand in a URL and are signed: in order, and without an equals sign where there is no value."""
    pairs = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in query.items())
    return "&".join(f"{name}={value}" if value else name for name, value in pairs)
