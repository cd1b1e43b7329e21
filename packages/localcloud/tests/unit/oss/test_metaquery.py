"""Scalar queries over objects: their language, pages and aggregations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.metaquery import aggregate, answers, describe, find_page, read_query
from localcloud.oss.metaquery.query import MAX_CONDITIONS
from localcloud.oss.model import Attributes, ObjectKind, Storage, StoredObject
from localcloud.oss.settings.tags import read_tagging_header

EVERYTHING = {"Field": "Size", "Operation": "gte", "Value": "0"}


def item(key: str, size: int = 1, *, tags: str = "", modified: float = 1_600_000_000.0, **headers: str) -> StoredObject:
    return StoredObject(
        bucket="b",
        key=key,
        data="d",
        size=size,
        etag="ABC",
        crc64=2**64 - 1,
        modified=modified,
        kind=ObjectKind.NORMAL,
        attributes=Attributes(
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            tagging=read_tagging_header(tags),
            storage=Storage(storage_class="IA" if key.startswith("cold") else None),
        ),
    )


ITEMS = [
    item("a.txt", 10, tags="owner=John&n=1", x_oss_meta_location="hangzhou"),
    item("b/Movie.mov", 30, modified=1_700_000_000.5, content_type="video/quicktime"),
    item("cold", 20, tags="owner=john"),
    item("d", 20),
]


def document(query: object = EVERYTHING, **elements: object) -> bytes:
    return render("MetaQuery", {"Query": query if isinstance(query, str) else json.dumps(query), **elements})


def found(query: object, **elements: object) -> list[str]:
    return [each.key for each in find_page(read_query(document(query, **elements)), ITEMS).items]


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        (("Size", "gt", "20"), ["b/Movie.mov"]),
        (("Size", "lte", 20), ["a.txt", "cold", "d"]),
        (("Filename", "eq", "d"), ["d"]),
        (("Filename", "prefix", "b/"), ["b/Movie.mov"]),
        (("Filename", "match", "MOVIE"), ["b/Movie.mov"]),
        (("FileModifiedTime", "gt", "2021-06-01T00:00:00.000000000+08:00"), ["b/Movie.mov"]),
        (("FileModifiedTime", "eq", "2023-11-15T06:13:20.500+08:00"), ["b/Movie.mov"]),
        (("OSSStorageClass", "eq", "IA"), ["cold"]),
        (("OSSObjectType", "prefix", "Norm"), ["a.txt", "b/Movie.mov", "cold", "d"]),
        (("ObjectACL", "eq", "default"), ["a.txt", "b/Movie.mov", "cold", "d"]),
        (("ETag", "eq", '"ABC"'), ["a.txt", "b/Movie.mov", "cold", "d"]),
        (("OSSCRC64", "eq", "18446744073709551615"), ["a.txt", "b/Movie.mov", "cold", "d"]),
        (("OSSTaggingCount", "gte", "2"), ["a.txt"]),
        (("OSSTagging.owner", "eq", "John"), ["a.txt"]),
        (("OSSTagging.Owner", "eq", "John"), []),
        (("OSSUserMeta.X-Oss-Meta-Location", "eq", "hangzhou"), ["a.txt"]),
        (("OSSUserMeta.location", "prefix", "Hang"), []),
        (("ContentType", "prefix", "video/"), ["b/Movie.mov"]),
        (("ServerSideEncryption", "eq", "AES256"), []),
    ],
)
def test_a_condition_compares_a_field(condition: tuple[str, str, object], keys: list[str]) -> None:
    name, operation, value = condition
    assert found({"Field": name, "Operation": operation, "Value": value}) == keys


def test_conditions_are_put_together() -> None:
    large = {"Field": "Size", "Operation": "gt", "Value": "10"}
    tagged = {"Field": "OSSTagging.owner", "Operation": "prefix", "Value": ""}
    assert found({"Operation": "and", "SubQueries": [large, tagged]}) == ["cold"]
    assert found({"Operation": "or", "SubQueries": [large, tagged]}) == ["a.txt", "b/Movie.mov", "cold", "d"]
    assert found({"Operation": "not", "SubQueries": [tagged]}) == ["b/Movie.mov", "d"]
    nested = {"Operation": "not", "SubQueries": [{"Operation": "or", "SubQueries": [tagged]}]}
    assert found({"Operation": "and", "SubQueries": [large, nested]}) == ["b/Movie.mov", "d"]


def test_quotation_marks_may_be_single() -> None:
    assert found("{'Field': 'Size','Value': '20','Operation': 'gt'}") == ["b/Movie.mov"]


@pytest.mark.parametrize(
    ("elements", "keys"),
    [
        ({}, ["a.txt", "b/Movie.mov", "cold", "d"]),
        ({"Sort": "Size", "Order": "asc"}, ["a.txt", "cold", "d", "b/Movie.mov"]),
        ({"Sort": "Size", "Order": "desc"}, ["b/Movie.mov", "cold", "d", "a.txt"]),
        ({"Sort": "Size"}, ["b/Movie.mov", "cold", "d", "a.txt"]),
        ({"Sort": "OSSStorageClass", "Order": "asc"}, ["cold", "a.txt", "b/Movie.mov", "d"]),
        ({"Sort": "ServerSideEncryption"}, ["a.txt", "b/Movie.mov", "cold", "d"]),
        ({"Sort": "FileModifiedTime"}, ["b/Movie.mov", "a.txt", "cold", "d"]),
    ],
)
def test_pages_of_any_size_give_all_in_order(elements: Mapping[str, object], keys: list[str]) -> None:
    for limit in (1, 2, 3, 4, 100):
        seen: list[str] = []
        token = ""
        while True:
            query = read_query(document(NextToken=token, MaxResults=str(limit), **elements))
            page = find_page(query, reversed(ITEMS))
            seen += [each.key for each in page.items]
            assert len(page.items) <= limit
            token = page.next_token
            if not token:
                break
        assert seen == keys


def test_a_key_that_is_no_text_is_passed_over_by_a_token() -> None:
    items = [item("\udcff"), item("\udcffb")]
    page = find_page(read_query(document(MaxResults=1)), items)
    assert [each.key for each in page.items] == ["\udcff"]
    page = find_page(read_query(document(MaxResults=1, NextToken=page.next_token)), items)
    assert [each.key for each in page.items] == ["\udcffb"]


@pytest.mark.parametrize(("asked", "given"), [("0", 100), ("", 100), ("5", 5), ("80369", 100)])
def test_a_page_has_up_to_a_hundred(asked: str, given: int) -> None:
    assert read_query(document(MaxResults=asked)).limit == given


def figures(*asked: tuple[str, str], items: Sequence[StoredObject] = ITEMS) -> list[Any]:
    elements = {"Aggregation": [{"Field": name, "Operation": operation} for name, operation in asked]}
    told = aggregate(read_query(document(Aggregations=elements)), items)
    assert [(each["Field"], each["Operation"]) for each in told] == list(asked)
    return [each["Groups"] if "Groups" in each else each["Value"] for each in told]


def test_aggregations_are_of_all_that_is_found() -> None:
    asked = [("Size", each) for each in ("min", "max", "sum", "average", "count", "distinct")]
    assert figures(*asked) == [10, 30, 80, 20.0, 4, 3]
    assert figures(*asked, items=[]) == [None, None, 0, None, 0, 0]
    assert figures(("OSSStorageClass", "group"), ("ServerSideEncryption", "count")) == [
        {"Group": [{"Value": "Standard", "Count": 3}, {"Value": "IA", "Count": 1}]},
        0,
    ]
    assert figures(("Size", "group"), ("OSSTaggingCount", "sum")) == [
        {"Group": [{"Value": 20, "Count": 2}, {"Value": 10, "Count": 1}, {"Value": 30, "Count": 1}]},
        3,
    ]


def test_values_are_told_apart_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_VALUES", 3)
    assert figures(("Size", "distinct"), ("Filename", "count")) == [3, 4]
    with pytest.raises(OssError, match=r"InvalidArgument.*more than 3 different values"):
        figures(("Filename", "group"))


def test_an_object_is_told_with_its_tags_and_metadata() -> None:
    assert describe(replace(ITEMS[0], modified=1_627_901_357.289372)) == {
        "Filename": "a.txt",
        "Size": 10,
        "FileModifiedTime": "2021-08-02T18:49:17.289372000+08:00",
        "OSSObjectType": "Normal",
        "OSSStorageClass": "Standard",
        "ObjectACL": "default",
        "ETag": '"ABC"',
        "OSSCRC64": "18446744073709551615",
        "ServerSideEncryption": None,
        "OSSTaggingCount": 2,
        "OSSTagging": {"Tagging": [{"Key": "n", "Value": "1"}, {"Key": "owner", "Value": "John"}]},
        "OSSUserMeta": {"UserMeta": [{"Key": "x-oss-meta-location", "Value": "hangzhou"}]},
    }


def aggregations(name: str, operation: str) -> dict[str, object]:
    return {"Aggregations": {"Aggregation": {"Field": name, "Operation": operation}}}


@pytest.mark.parametrize(
    ("query", "elements"),
    [
        ("", {}),
        ("no JSON", {}),
        ("[]", {}),
        ("{}", {}),
        ('{"Field": "Size", "Operation": "gt"}', {}),
        ('{"Field": "Size", "Operation": "gt", "Value": "many"}', {}),
        ('{"Field": "Size", "Operation": "prefix", "Value": "1"}', {}),
        ('{"Field": "ETag", "Operation": "match", "Value": "1"}', {}),
        ('{"Field": "Size", "Operation": "in", "Value": "1"}', {}),
        ('{"Field": "Sise", "Operation": "gt", "Value": "1"}', {}),
        ('{"Field": "OSSTagging.", "Operation": "eq", "Value": "1"}', {}),
        ('{"Field": "FileModifiedTime", "Operation": "gt", "Value": "yesterday"}', {}),
        ('{"SubQueries": [], "Operation": "and"}', {}),
        ('{"SubQueries": [{}], "Operation": "xor"}', {}),
        ("[" * 5000, {}),
        (json.dumps({"Operation": "or", "SubQueries": [EVERYTHING] * MAX_CONDITIONS}), {}),
        (EVERYTHING, {"Sort": "OSSTagging.a"}),
        (EVERYTHING, {"MaxResults": "-1"}),
        (EVERYTHING, {"NextToken": "none"}),
        (EVERYTHING, {"NextToken": "WzEsICI2MSJd"}),  # of a query that is sorted by a number
        (EVERYTHING, {"NextToken": "WyJhIiwgIjYxIl0=", "Sort": "Size"}),
        (EVERYTHING, aggregations("Filename", "sum")),
        (EVERYTHING, aggregations("OSSTagging.a", "group")),
        (EVERYTHING, aggregations("Size", "median")),
    ],
)
def test_what_is_no_query_is_refused(query: object, elements: Mapping[str, object]) -> None:
    with pytest.raises(OssError, match="InvalidArgument"):
        read_query(document(query, **elements))


@pytest.mark.parametrize("elements", [{"Order": "up"}, {"MediaTypes": ""}])
def test_another_document_is_refused(elements: Mapping[str, object]) -> None:
    with pytest.raises(OssError, match="MalformedXML"):
        read_query(document(**elements))
