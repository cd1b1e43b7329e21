from __future__ import annotations

import json
from typing import Any

import pytest

from heavylift.clouds.difference import compare, parse_template, render
from heavylift.errors import HeavyliftError

OLD: dict[str, Any] = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Resources": {
        "Bucket": {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": "one", "Tags": [{"Key": "a"}]}},
        "Gone": {"Type": "ALIYUN::RAM::Role", "Properties": {}},
        "Turned": {"Type": "ALIYUN::FC::Function"},
    },
    "Outputs": {"Arn": {"Value": 1}},
}
NEW: dict[str, Any] = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Resources": {
        "Bucket": {
            "Type": "ALIYUN::OSS::Bucket",
            "Properties": {"BucketName": "two", "Tags": [{"Key": "b"}], "AccessControl": None},
        },
        "Fresh": {"Type": "ALIYUN::FC::Service"},
        "Turned": {"Type": "ALIYUN::FC3::Function"},
    },
    "Outputs": {"Arn": {"Value": True}},
}


def test_equal_templates_differ_in_nothing() -> None:
    assert compare(OLD, parse_template(json.dumps(OLD))) == ()
    assert render(()) == []


def test_each_value_that_differs_is_named() -> None:
    found = [(c.change, c.section, c.name, ".".join(c.path), c.old, c.new) for c in compare(OLD, NEW)]
    bucket = "Resources", "Bucket"
    assert found == [
        ("modify", "Outputs", "Arn", "Value", 1, True),  # equal in Python, not in a template
        ("add", *bucket, "Properties.AccessControl", None, None),
        ("modify", *bucket, "Properties.BucketName", "one", "two"),
        ("modify", *bucket, "Properties.Tags.0.Key", "a", "b"),
        ("add", "Resources", "Fresh", "", None, NEW["Resources"]["Fresh"]),
        ("remove", "Resources", "Gone", "", OLD["Resources"]["Gone"], None),
        ("remove", "Resources", "Turned", "", OLD["Resources"]["Turned"], None),  # another type is another resource
        ("add", "Resources", "Turned", "", None, NEW["Resources"]["Turned"]),
    ]


def test_rendered_for_people() -> None:
    assert render(compare(OLD, NEW)) == [
        "[~] Outputs / Arn",
        "    ~ Value: 1 -> true",
        "[~] Resources / Bucket  ALIYUN::OSS::Bucket",
        "    + Properties.AccessControl: null",
        '    ~ Properties.BucketName: "one" -> "two"',
        '    ~ Properties.Tags.0.Key: "a" -> "b"',
        "[+] Resources / Fresh  ALIYUN::FC::Service",
        "[-] Resources / Gone  ALIYUN::RAM::Role",
        "[-] Resources / Turned  ALIYUN::FC::Function",
        "[+] Resources / Turned  ALIYUN::FC3::Function",
    ]


def test_a_section_that_is_one_value() -> None:
    assert render(compare({"Description": "a"}, {"Description": "b"})) == ["[~] Description", '    "a" -> "b"']


def test_long_values_are_cut() -> None:
    lines = render(compare({"Description": "a"}, {"Description": "b" * 1000}))
    assert len(lines[1]) < 150
    assert lines[1].endswith("…")


def test_records_for_programs() -> None:
    record = compare({}, {"Resources": {"Bucket": {"Type": "ALIYUN::OSS::Bucket"}}})[0].record()
    assert json.loads(json.dumps(record)) == {
        "event": "change",
        "change": "add",
        "section": "Resources",
        "name": "Bucket",
        "type": "ALIYUN::OSS::Bucket",
        "path": [],
        "old": None,
        "new": {"Type": "ALIYUN::OSS::Bucket"},
    }


def test_yaml_and_json_are_templates() -> None:
    assert parse_template("Resources:\n  A: {Type: B}\n") == {"Resources": {"A": {"Type": "B"}}}
    assert parse_template('{"a":\t1}') == {"a": 1}


@pytest.mark.parametrize("text", ["- a\n- b\n", "[", "just text"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(HeavyliftError, match="template"):
        parse_template(text)
