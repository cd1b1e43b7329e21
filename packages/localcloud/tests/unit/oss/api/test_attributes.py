"""Attributes of objects in headers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.oss.api.attributes import object_headers, read_attributes, read_encoded
from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, ObjectKind
from tests.support.stored import ITEM


def test_content_headers_and_metadata_are_kept() -> None:
    sent = {"Content-Type": "text/plain", "X-Oss-Meta-A": "1", "Authorization": "secret", "x-oss-object-acl": "private"}
    attributes = read_attributes(sent)
    assert attributes == Attributes(headers={"content-type": "text/plain", "x-oss-meta-a": "1"}, acl="private")


def test_an_empty_acl_is_none() -> None:
    assert read_attributes({"x-oss-object-acl": ""}).acl == "default"


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "\x7f", "\udcff"])
def test_a_header_that_no_answer_could_carry_is_refused(value: str) -> None:
    with pytest.raises(OssError, match="InvalidArgument: x-oss-meta-a"):
        read_attributes({"x-oss-meta-a": value})


def test_tags_come_by_header_and_are_counted_in_answers() -> None:
    attributes = read_attributes({"x-oss-tagging": "a=1&b=%2F2&c"})
    assert object_headers(replace(ITEM, attributes=attributes), 0.0)["x-oss-tagging-count"] == "3"


def test_the_headers_of_an_object_say_what_it_is() -> None:
    headers = object_headers(replace(ITEM, kind=ObjectKind.APPENDABLE), 0.0)
    assert headers == {
        "content-type": "application/octet-stream",
        "ETag": '"AB"',
        "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "Accept-Ranges": "bytes",
        "x-oss-object-type": "Appendable",
        "x-oss-hash-crc64ecma": "7",
        "x-oss-storage-class": "Standard",
        "x-oss-next-append-position": "3",
    }


def test_an_encoded_header_that_is_not_utf8_is_refused() -> None:
    assert read_encoded({"x-oss-copy-source": "/b/%C3%BC"}, "x-oss-copy-source") == "/b/ü"
    with pytest.raises(OssError, match="InvalidArgument: x-oss-copy-source must be UTF-8"):
        read_encoded({"x-oss-copy-source": "/b/%FC"}, "x-oss-copy-source")
