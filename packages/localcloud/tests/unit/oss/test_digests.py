"""Digests that a request gives of its body."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from localcloud.oss.digests import read_digests
from localcloud.oss.errors import OssError

MD5 = {"Content-MD5": base64.b64encode(hashlib.md5(b"1").digest()).decode()}
SHA256 = {"x-oss-content-sha256": hashlib.sha256(b"1").hexdigest()}


MD5_OF_C = {
    "Content-MD5": base64.b64encode(hashlib.md5(b"1").digest() + bytes(4)).decode()
}  # as the SDK for C sends it


@pytest.mark.parametrize(
    "headers", [{}, MD5, MD5_OF_C, SHA256, MD5 | SHA256, {"x-oss-content-sha256": "UNSIGNED-PAYLOAD"}]
)
def test_a_body_that_has_the_digests_passes(headers: Mapping[str, str]) -> None:
    read_digests(headers).check_content(b"1")


@pytest.mark.parametrize(
    ("headers", "code"), [(MD5, "InvalidDigest"), (SHA256, "BadDigest"), (MD5 | SHA256, "InvalidDigest")]
)
def test_another_body_is_refused(headers: Mapping[str, str], code: str) -> None:
    with pytest.raises(OssError, match=code):
        read_digests(headers).check_content(b"2")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Content-MD5": "x"}, "InvalidDigest"), ({"x-oss-content-sha256": "x"}, "InvalidArgument")],
)
def test_what_is_no_digest_is_refused(headers: Mapping[str, str], code: str) -> None:
    with pytest.raises(OssError, match=code):
        read_digests(headers)
