"""Tags: their limits and characters, and the lists of buckets that ask for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.description import has_tags, read_tag_filter
from localcloud.oss.settings.tags import read_tagging, read_tagging_header, tags_of, without

BUCKET = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")


def test_tags_of_a_header_are_decoded() -> None:
    assert tags_of(read_tagging_header("k1=v1&k%202=v%3D2&k+3=&%E4%BD%A0=x")) == {
        "k1": "v1",
        "k 2": "v=2",
        "k 3": "",
        "你": "x",
    }
    assert read_tagging_header("") is None


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("k=v&k=w", "InvalidArgument: .* without tag name duplicates"),
        ("%ff=v", "InvalidArgument: .* encoded as UTF-8"),
        ("=v", "InvalidTag: The TagKey you have provided is invalid"),
        ("%25=v", "InvalidTag: The TagKey you have provided is invalid"),
        ("k=%25", "InvalidTag: The TagValue you have provided is invalid"),
        ("k" * 129 + "=v", "InvalidTag"),
        ("k=" + "v" * 257, "InvalidTag"),
        ("&".join(f"k{n}=v" for n in range(11)), "BadRequest: Object tags cannot be greater than 10"),
    ],
)
def test_tags_beyond_the_limits_are_refused_in_the_words_of_oss(header: str, error: str) -> None:
    with pytest.raises(OssError, match=error):
        read_tagging_header(header)


def test_a_document_with_a_key_twice_is_refused() -> None:
    document = render("Tagging", {"TagSet": {"Tag": [{"Key": "a", "Value": "1"}] * 2}})
    with pytest.raises(OssError, match="InvalidTag: Cannot provide multiple Tags with the same key"):
        read_tagging(document)


def test_a_document_of_another_form_is_refused() -> None:
    with pytest.raises(OssError, match="MalformedXML"):
        read_tagging(b"<Tagging><Tag/></Tagging>")


def test_some_tags_are_removed() -> None:
    kept = read_tagging(render("Tagging", {"TagSet": {"Tag": [{"Key": key, "Value": "1"} for key in "abc"]}}))
    assert tags_of(without(kept, ["a", "c", "d"])) == {"b": "1"}
    assert without(kept, ["a", "b", "c"]) is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"tag-key": "a"}, True),
        ({"tag-key": "a", "tag-value": "1"}, True),
        ({"tag-key": "a", "tag-value": "2"}, False),
        ({"tagging": '"a":"1","b":"2"'}, True),
        ({"tagging": '"a":"1","c":"3"'}, False),
        ({"tagging": "a:1,b:2"}, True),
        ({"tagging": "a:2"}, False),
        ({"tagging": ""}, True),
    ],
)
def test_a_list_of_buckets_asks_for_tags(query: dict[str, str], found: bool) -> None:
    tags = render("Tagging", {"TagSet": {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}).decode()
    assert has_tags(replace(BUCKET, settings={"tagging": tags}), read_tag_filter(query)) is found


@pytest.mark.parametrize("query", [{"tag-value": "1"}, {"tagging": "a=1"}, {"tagging": '"a":"1"', "tag-key": "a"}])
def test_a_wrong_question_for_tags_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(OssError, match="InvalidArgument"):
        read_tag_filter(query)
