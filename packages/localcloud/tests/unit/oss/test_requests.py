"""What OSS reads in requests: numbers, ranges, XML, signatures, digests. Without HTTP."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable

import pytest

from localcloud.oss.arguments import read_number
from localcloud.oss.digests import read_digests
from localcloud.oss.errors import OssError
from localcloud.oss.ranges import parse_range
from localcloud.oss.signing.claim import SignedRequest
from localcloud.oss.signing.reading import read_claim
from localcloud.oss.xml import parse, serialize

NOW = 1_800_000_000.0


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(OssError) as error:
        call()
    return error.value.code


@pytest.mark.parametrize("text", ["9" * 5000, "-1", "+1", "1.0", "", " 1", "١", "1_0", "11"])
def test_only_short_ascii_numbers_within_bounds_are_numbers(text: str) -> None:
    assert code_of(lambda: read_number("max-keys", text, low=0, high=10)) == "InvalidArgument"


@pytest.mark.parametrize("header", ["bytes=%s-", "bytes=0-%s", "bytes=-%s"])
def test_a_range_of_5000_digits_is_refused(header: str) -> None:
    assert code_of(lambda: parse_range(header % ("9" * 5000), 10, strict=False)) == "InvalidArgument"


def request(query: dict[str, str], headers: dict[str, str] | None = None) -> SignedRequest:
    return SignedRequest(method="GET", bucket="b", key="k", query=query, headers=headers or {})


def test_expiry_of_5000_digits_is_refused() -> None:
    v1 = request({"Signature": "x", "Expires": "9" * 5000, "OSSAccessKeyId": "id"})
    assert code_of(lambda: read_claim(v1, region="cn-hangzhou", now=NOW)) == "InvalidArgument"
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW))
    query = {"x-oss-signature": "x", "x-oss-signature-version": "OSS4-HMAC-SHA256", "x-oss-date": date}
    v4 = request({**query, "x-oss-expires": "9" * 5000})
    assert code_of(lambda: read_claim(v4, region="cn-hangzhou", now=NOW)) == "InvalidArgument"


def test_a_signature_that_is_not_utf8_does_not_match() -> None:
    signed = request({"Signature": "\udcff", "Expires": str(int(NOW) + 60), "OSSAccessKeyId": "id"})
    claim = read_claim(signed, region="cn-hangzhou", now=NOW)
    assert claim is not None
    assert code_of(lambda: claim.verify("secret")) == "SignatureDoesNotMatch"


def test_a_date_beyond_all_years_is_refused() -> None:
    headers = {"authorization": "OSS id:x", "date": "Fri, 27 Nov 2826022593:48 +0500"}
    assert code_of(lambda: read_claim(request({}, headers), region="cn-hangzhou", now=NOW)) == "AccessDenied"


DOCTYPE = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE Delete [<!ENTITY a "aaaa">]><Delete>&a;</Delete>'


@pytest.mark.parametrize(
    "body",
    [
        DOCTYPE.encode("utf-16"),
        DOCTYPE.replace("utf-16", "utf-8").encode(),
        b'<?xml version="1.0" encoding="none-such"?><Delete/>',
        b'<?xml version="1.0" encoding="rot13"?><Delete/>',
        b'<?xml version="1.0" encoding="gb18030"?><Delete/>',
        b'<?xml version="1.0" encoding="idna"?><Delete/>',
        b"<Delete>\0</Delete>",
        b"<Delete>&#0;</Delete>",
        b"\xff\xfe",
        b"",
        b"<Delete>" * 100_000,
        b"<Other/>",
    ],
)
def test_hostile_xml_is_malformed(body: bytes) -> None:
    assert code_of(lambda: parse(body, "Delete")) == "MalformedXML"


def test_a_document_is_kept_as_utf8_without_namespaces_whatever_it_came_in() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><Tagging xmlns="x"><Key>ü</Key></Tagging>'
    kept = '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging><Key>ü</Key></Tagging>'
    assert serialize(parse(text.encode("utf-16"), "Tagging")) == kept


def test_digests_are_compared() -> None:
    md5 = base64.b64encode(hashlib.md5(b"1").digest()).decode()
    sha256 = hashlib.sha256(b"1").hexdigest()
    both = read_digests({"Content-MD5": md5, "x-oss-content-sha256": sha256})
    both.check_content(b"1")
    read_digests({"x-oss-content-sha256": "UNSIGNED-PAYLOAD"}).check_content(b"2")
    for headers in ({"Content-MD5": md5}, {"x-oss-content-sha256": sha256}):
        assert code_of(lambda given=headers: read_digests(given).check_content(b"2")) == "BadDigest"  # type: ignore[misc]
    assert code_of(lambda: read_digests({"Content-MD5": "x"})) == "InvalidDigest"
    assert code_of(lambda: read_digests({"x-oss-content-sha256": "x"})) == "InvalidArgument"
