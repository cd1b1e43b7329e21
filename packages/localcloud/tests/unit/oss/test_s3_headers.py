"""Headers of the S3 protocol in OSS's words, and back."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.s3.headers import to_oss, to_s3


def test_headers_are_translated_whose_meaning_oss_has() -> None:
    headers = {
        **{"x-amz-acl": "private", "x-amz-meta-a": "b", "x-amz-storage-class": "STANDARD_IA", "x-amz-date": "now"},
        **{"x-amz-api-version": "2006-03-01", "x-amz-bypass-governance-retention": "true"},
        **{"content-encoding": "aws-chunked,gzip", "if-none-match": "*", "x-amz-bucket-object-lock-enabled": "false"},
    }
    assert to_oss(headers, {"X-Amz-Tagging": "k=v", "X-Amz-Signature": "s"}, is_bucket=False, writes=True) == {
        **{"x-oss-object-acl": "private", "x-oss-meta-a": "b", "x-oss-storage-class": "IA", "x-oss-tagging": "k=v"},
        **{"content-encoding": "gzip", "x-oss-forbid-overwrite": "true"},
        **{"x-oss-range-behavior": "standard", "x-oss-bypass-governance-retention": "true"},
    }
    assert to_oss({"x-amz-acl": "private"}, {}, is_bucket=True)["x-oss-acl"] == "private"
    assert to_oss({"if-none-match": "*"}, {}, is_bucket=False)["if-none-match"] == "*"  # of a reading


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("x-amz-bucket-object-lock-enabled", "true", "NotImplemented"),
        ("x-amz-website-redirect-location", "/", "NotImplemented"),
        ("x-oss-object-acl", "public-read", "InvalidArgument"),  # which AWS's signature does not cover
    ],
)
def test_headers_are_refused_that_nothing_obeys(name: str, value: str, code: str) -> None:
    with pytest.raises(OssError, match=code):
        to_oss({name: value}, {}, is_bucket=False)


def test_answers_carry_no_header_that_is_only_osss() -> None:
    headers = {"ETag": '"A"', "x-oss-hash-crc64ecma": "1", "x-oss-meta-a": "b", "x-oss-storage-class": "Archive"}
    assert to_s3(headers) == {"ETag": '"A"', "x-amz-meta-a": "b", "x-amz-storage-class": "GLACIER"}
