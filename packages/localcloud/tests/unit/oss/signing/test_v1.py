"""Version 1 signatures: the documents' examples."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import SignedRequest
from localcloud.oss.signing.reading import read_claim
from tests.support.oss_claims import claim_of

# OSS, "Include signatures in the Authorization header" and "Add signatures to URLs"
ID, SECRET = "44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV"
DATE = "Thu, 17 Nov 2005 18:49:58 GMT"
SIGNED_AT = parsedate_to_datetime(DATE).timestamp()
EXPIRES = 1141889120


def in_header(signature: str, date: str = DATE) -> SignedRequest:
    return SignedRequest(
        method="PUT",
        bucket="oss-example",
        key="nelson",
        query={},
        headers={
            "authorization": f"OSS {ID}:{signature}",
            "content-md5": "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
            "content-type": "text/html",
            "date": date,
            "x-oss-meta-author": "foo@bar.com",
            "x-oss-magic": "abracadabra",
        },
    )


def in_query(**query: str) -> SignedRequest:
    query = {"OSSAccessKeyId": ID, "Expires": str(EXPIRES), "Signature": "EwaNTn1erJGkimiJ9WmXgwnANLc=", **query}
    return SignedRequest(method="GET", bucket="oss-example", key="oss-api.pdf", query=query, headers={})


def test_the_documented_header_is_right() -> None:
    claim = claim_of(in_header("26NBxoKdsyly4EDv6inkoDft/yA="), SIGNED_AT)
    assert claim.access_key_id == ID
    claim.verify(SECRET)


@pytest.mark.parametrize("now", [SIGNED_AT - 900, SIGNED_AT + 900])
def test_a_request_of_15_minutes_ago_or_ahead_is_taken(now: float) -> None:
    claim_of(in_header("26NBxoKdsyly4EDv6inkoDft/yA="), now).verify(SECRET)


def test_the_documented_url_is_right() -> None:
    claim = claim_of(in_query(), EXPIRES)
    assert claim.access_key_id == ID
    claim.verify(SECRET)


def test_another_signature_is_refused_with_the_string_to_sign() -> None:
    with pytest.raises(OssError, match="SignatureDoesNotMatch") as error:
        claim_of(in_header("AAAA"), SIGNED_AT).verify(SECRET)
    assert error.value.detail["StringToSign"] == (
        "PUT\nODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=\ntext/html\nThu, 17 Nov 2005 18:49:58 GMT\n"
        "x-oss-magic:abracadabra\nx-oss-meta-author:foo@bar.com\n/oss-example/nelson"
    )


def test_a_signature_that_is_not_utf8_does_not_match() -> None:
    with pytest.raises(OssError, match="SignatureDoesNotMatch"):
        claim_of(in_query(Signature="\udcff"), EXPIRES).verify(SECRET)


@pytest.mark.parametrize("now", [SIGNED_AT - 901, SIGNED_AT + 901])
def test_a_request_of_more_than_15_minutes_ago_or_ahead_is_refused(now: float) -> None:
    with pytest.raises(OssError, match="RequestTimeTooSkewed"):
        read_claim(in_header("AAAA"), region="cn-hangzhou", now=now)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 27 Nov 2826022593:48 +0500"])
def test_a_request_without_a_date_is_refused(date: str) -> None:
    with pytest.raises(OssError, match="AccessDenied: OSS authentication requires a valid Date"):
        read_claim(in_header("AAAA", date), region="cn-hangzhou", now=SIGNED_AT)


@pytest.mark.parametrize(
    ("expires", "code"), [(str(EXPIRES - 1), "AccessDenied"), ("", "AccessDenied"), ("9" * 5000, "InvalidArgument")]
)
def test_a_url_that_has_expired_or_says_not_when_is_refused(expires: str, code: str) -> None:
    with pytest.raises(OssError, match=code):
        read_claim(in_query(Expires=expires), region="cn-hangzhou", now=EXPIRES)


def test_a_url_is_good_to_the_end_of_its_last_second() -> None:
    assert read_claim(in_query(Expires=str(EXPIRES)), region="cn-hangzhou", now=EXPIRES + 0.9)


@pytest.mark.parametrize("authorization", ["OSS id", "OSS :signature", "OSS "])
def test_a_header_that_names_no_key_is_refused(authorization: str) -> None:
    request = SignedRequest(method="GET", bucket="", key="", query={}, headers={"authorization": authorization})
    with pytest.raises(OssError, match="InvalidArgument"):
        read_claim(request, region="cn-hangzhou", now=0.0)
