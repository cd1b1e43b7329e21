"""Version 4 signatures: the vectors of the official clients."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import SignedRequest
from localcloud.oss.signing.reading import read_claim
from tests.support.oss_claims import claim_of

REGION = "cn-hangzhou"
SIGNED_AT = 1_702_743_657.0
QUERY = {"param1": "value1", "+param1": "value3", "|param1": "value4", "+param2": "", "|param2": "", "param2": ""}


def moment(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def in_header(signature: str, signed_at: float = SIGNED_AT, region: str = REGION, **headers: str) -> SignedRequest:
    date = moment(signed_at)
    return SignedRequest(
        method="PUT",
        bucket="bucket",
        key="1234+-/123/1.txt",
        query=QUERY,
        headers={
            "x-oss-head1": "value",
            "abc": "value",
            "zabc": "value",
            "xyz": "value",
            "content-type": "text/plain",
            "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
            "x-oss-date": date,
            "authorization": f"OSS4-HMAC-SHA256 Credential=ak/{date[:8]}/{region}/oss/aliyun_v4_request,"
            f"Signature={signature}",
            **headers,
        },
    )


# github.com/aliyun/alibabacloud-oss-python-sdk-v2, tests/unit/signer/test_v4.py
@pytest.mark.parametrize(
    ("signed_at", "headers", "signature"),
    [
        (SIGNED_AT, {}, "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"),
        (
            1_702_784_856.0,
            {"x-oss-security-token": "token"},
            "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
        ),
    ],
)
def test_the_vectors_of_the_official_clients_are_right(
    signed_at: float, headers: Mapping[str, str], signature: str
) -> None:
    claim = claim_of(in_header(signature, signed_at, **headers), signed_at)
    assert (claim.access_key_id, claim.security_token) == ("ak", headers.get("x-oss-security-token"))
    claim.verify("sk")
    with pytest.raises(OssError, match="SignatureDoesNotMatch"):
        claim.verify("another")


@pytest.mark.parametrize("now", [SIGNED_AT - 901, SIGNED_AT + 901])
def test_a_request_of_more_than_15_minutes_ago_or_ahead_is_refused(now: float) -> None:
    with pytest.raises(OssError, match="RequestTimeTooSkewed"):
        read_claim(in_header("0"), region=REGION, now=now)


def test_a_signature_for_another_region_is_refused() -> None:
    with pytest.raises(OssError, match="InvalidArgument: Invalid signing region in Authorization header"):
        read_claim(in_header("0", region="cn-beijing"), region=REGION, now=SIGNED_AT)


def test_a_signature_for_another_product_is_refused() -> None:
    header = in_header("0").headers["authorization"].replace(f"/{REGION}/oss/", "/box/oss-cloudbox/")
    with pytest.raises(OssError, match="Invalid signing product in Authorization header") as refused:
        read_claim(in_header("0", authorization=header), region=REGION, now=SIGNED_AT)
    assert refused.value.ec == "0002-00000227"


def test_a_header_without_a_signature_is_refused() -> None:
    request = in_header("0", authorization="OSS4-HMAC-SHA256 Credential=ak")
    with pytest.raises(OssError, match="InvalidArgument"):
        read_claim(request, region=REGION, now=SIGNED_AT)


def in_query(**query: str) -> SignedRequest:
    signed = {
        "x-oss-signature": "0",
        "x-oss-signature-version": "OSS4-HMAC-SHA256",
        "x-oss-credential": f"ak/20231216/{REGION}/oss/aliyun_v4_request",
        "x-oss-date": moment(SIGNED_AT),
        "x-oss-expires": "60",
    }
    return SignedRequest(method="GET", bucket="b", key="k", query={**signed, **query}, headers={})


@pytest.mark.parametrize(
    ("query", "now", "code"),
    [
        ({}, SIGNED_AT + 61, "AccessDenied: Request has expired"),
        ({"x-oss-expires": "0"}, SIGNED_AT, "InvalidArgument"),
        ({"x-oss-expires": str(7 * 24 * 3600 + 1)}, SIGNED_AT, "InvalidArgument"),
        ({"x-oss-expires": "9" * 5000}, SIGNED_AT, "InvalidArgument"),
        ({"x-oss-date": ""}, SIGNED_AT, "AccessDenied: OSS authentication requires a valid Date"),
        ({"x-oss-signature-version": "OSS5"}, SIGNED_AT, "InvalidArgument"),
        ({"x-oss-credential": ""}, SIGNED_AT, "InvalidArgument"),
    ],
)
def test_a_url_that_is_expired_or_malformed_is_refused(query: dict[str, str], now: float, code: str) -> None:
    with pytest.raises(OssError, match=code):
        read_claim(in_query(**query), region=REGION, now=now)


def test_a_signed_url_for_another_region_is_refused() -> None:
    url = in_query(**{"x-oss-credential": f"ak/{moment(SIGNED_AT)[:8]}/cn-beijing/oss/aliyun_v4_request"})
    with pytest.raises(OssError, match="InvalidArgument: The signing region in credential is invalid"):
        read_claim(url, region=REGION, now=SIGNED_AT)
