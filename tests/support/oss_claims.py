"""Signatures of requests to OSS, as the embedded cloud reads them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from alibabacloud_oss_v2.types import HttpRequest

from localcloud.oss.signing.claim import Claim, SignedRequest
from localcloud.oss.signing.reading import read_claim


def claim_of(request: SignedRequest, now: float, region: str = "cn-hangzhou") -> Claim:
    claim = read_claim(request, region=region, now=now)
    assert claim is not None
    return claim


def as_received(request: HttpRequest, *, bucket: str, key: str) -> SignedRequest:
    """Return a request of the official client as it arrives."""
    return SignedRequest(
        method=request.method,
        bucket=bucket,
        key=key,
        query=dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
