"""Lifecycle rules: which documents are taken, and with which error others are refused."""

from __future__ import annotations

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.settings.lifecycle import OVERLAP, SETTING

Rule = dict[str, object]
IA, ARCHIVE = {"StorageClass": "IA"}, {"StorageClass": "Archive"}
DATE = {"CreatedBeforeDate": "2021-12-30T00:00:00.000Z"}


def rule(**elements: object) -> Rule:
    return {"ID": "r", "Prefix": "a/", "Status": "Enabled", **elements}


def put(*rules: Rule, **options: str) -> list[str]:
    """Return the names of the rules that are kept."""
    headers = {OVERLAP: options["overlap"]} if options else {}
    document = SETTING.read(render("LifecycleConfiguration", {"Rule": list(rules)}), headers)
    return [element.text or "" for element in document.findall("Rule/ID")]


def refused(*rules: Rule) -> tuple[str, str]:
    with pytest.raises(OssError) as error:
        put(*rules)
    return error.value.code, error.value.message


def test_a_rule_without_a_name_gets_one() -> None:
    unnamed = {name: value for name, value in rule(Expiration={"Days": 1}).items() if name != "ID"}
    (name,) = put(unnamed)
    assert len(name) == 36


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({}, "MalformedXML"),
        ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {}}, "MalformedXML"),
        ({"Expiration": {"Days": 1, "CreatedBeforeDate": "2016-12-25T00:00:00.000Z"}}, "MalformedXML"),
        ({"Expiration": {"CreatedBeforeDate": "2016-12-25T01:00:00.000Z"}}, "InvalidArgument"),
        ({"Expiration": {"CreatedBeforeDate": "tomorrow"}}, "InvalidArgument"),
        ({"Transition": {"Days": 1, "StorageClass": "Standard"}}, "InvalidArgument"),
        ({"Expiration": {"Days": 3}, "Transition": {"Days": 4, "StorageClass": "IA"}}, "InvalidArgument"),
        (
            {"Transition": [{"Days": 5, "StorageClass": "IA"}, {"Days": 2, "StorageClass": "Archive"}]},
            "InvalidArgument",
        ),
        (
            {
                "Expiration": {"CreatedBeforeDate": "2016-12-25T00:00:00.000Z"},
                "Transition": {"Days": 356, "StorageClass": "IA"},
            },
            "InvalidRequest",
        ),
        ({"Tag": {"Key": "%&", "Value": "v"}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Tag": {"Key": "k", "Value": "v"}, "AbortMultipartUpload": {"Days": 1}}, "InvalidRequest"),
        ({"Tag": {"Key": "k", "Value": "v"}, "Expiration": {"ExpiredObjectDeleteMarker": "true"}}, "InvalidRequest"),
        ({"Filter": {"Not": {"Prefix": "b/"}}, "Expiration": {"Days": 1}}, "InvalidArgument"),
        (
            {"Filter": {"ObjectSizeGreaterThan": 9, "ObjectSizeLessThan": 9}, "Expiration": {"Days": 1}},
            "InvalidArgument",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_the_documented_error(elements: Rule, code: str) -> None:
    assert refused(rule(**elements))[0] == code


ACCESS = {"Days": 30, "StorageClass": "IA", "IsAccessTime": "true"}


@pytest.mark.parametrize(
    ("elements", "ec"),
    [
        ({}, "0014-00000026"),
        ({"Expiration": {}}, "0014-00000060"),
        ({"Tag": {"Key": "test#", "Value": "v"}, "Expiration": {"Days": 1}}, "0014-00000031"),
        ({"Transition": ACCESS}, "0014-00000052"),
        ({"Transition": {"Days": 30, **IA, "ReturnToStdWhenVisit": "true"}}, "0014-00000052"),
        ({"Transition": {**DATE, **IA, "IsAccessTime": "true", "ReturnToStdWhenVisit": "true"}}, "0014-00000047"),
        ({"NoncurrentVersionTransition": {"NoncurrentDays": 30, **IA, "IsAccessTime": "true"}}, "0014-00000052"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_finer_code_of_its_page(elements: Rule, ec: str) -> None:
    with pytest.raises(OssError, match="MalformedXML") as error:
        put(rule(**elements))
    assert error.value.ec == ec


def test_a_rule_by_last_access_says_what_a_visit_does() -> None:
    assert put(rule(Transition={**ACCESS, "ReturnToStdWhenVisit": "false"})) == ["r"]
    assert put(rule(Transition={"Days": 30, **IA, "IsAccessTime": "false"})) == ["r"]


def test_rules_of_one_action_do_not_overlap_unless_the_request_allows_it() -> None:
    rules = [rule(Expiration={"Days": 1}), rule(ID="s", Prefix="a/b", Expiration={"Days": 2})]
    assert refused(*rules) == ("InvalidRequest", "Overlap for same action type Expiration")
    assert put(*rules, overlap="true") == ["r", "s"]
    for expiration in ({"Days": 1}, DATE):
        assert put(rules[0], rule(ID="s", Prefix="a/b", Expiration=expiration), overlap="true") == ["r", "s"]


def test_an_overlap_is_found_past_rules_with_other_tags() -> None:
    tagged = rule(ID="s", Prefix="a/b", Tag={"Key": "k", "Value": "1"}, Expiration={"Days": 1})
    other = rule(ID="t", Prefix="a/b/c", Tag={"Key": "k", "Value": "2"}, Expiration={"Days": 1})
    last = rule(ID="u", Prefix="a/b/c/d", Tag={"Key": "k", "Value": "1"}, Expiration={"Days": 1})
    assert put(tagged, other) == ["s", "t"]
    assert refused(tagged, other, last)[1] == "Overlap for same action type Expiration"


def test_a_rule_with_tags_does_not_overlap_one_without() -> None:
    tagged = rule(ID="s", Prefix="a/b", Tag={"Key": "k", "Value": "1"}, Expiration={"Days": 1})
    assert put(rule(Expiration={"Days": 2}), tagged) == ["r", "s"]


def test_rules_of_different_actions_may_overlap() -> None:
    expire, abort = rule(Expiration={"Days": 1}), rule(ID="s", AbortMultipartUpload={"Days": 1})
    assert put(expire, abort) == ["r", "s"]


@pytest.mark.parametrize(
    ("one", "other", "ec"),
    [
        ({"Transition": {"Days": 30, **IA}}, {"Transition": {"Days": 60, **IA}}, "0014-00000079"),
        ({"Transition": {"Days": 30, **IA}}, {"Transition": {**DATE, **ARCHIVE}}, "0014-00000080"),
        ({"Transition": {"Days": 120, **IA}}, {"Transition": {"Days": 60, **ARCHIVE}}, "0014-00000082"),
        ({"Transition": {"Days": 60, **ARCHIVE}}, {"Expiration": {"Days": 30}}, "0014-00000082"),
        ({"Expiration": {"Days": 200}}, {"Expiration": {"Days": 100}}, "0014-00000084"),
        ({"AbortMultipartUpload": {"Days": 1}}, {"AbortMultipartUpload": {"Days": 1}}, "0014-00000084"),
    ],
)
@pytest.mark.parametrize("wider_first", [True, False])
def test_rules_that_overlap_go_together(one: Rule, other: Rule, ec: str, wider_first: bool) -> None:
    wide, narrow = rule(**one), rule(ID="s", Prefix="a/b", **other)
    rules = [wide, narrow] if wider_first else [narrow, wide]
    with pytest.raises(OssError) as error:
        put(*rules)
    assert (error.value.code, error.value.ec) == ("InvalidRequest", ec)
    if ec in {"0014-00000079", "0014-00000084"}:
        assert len(put(*rules, overlap="true")) == 2
    else:
        with pytest.raises(OssError):
            put(*rules, overlap="true")
    assert len(put(wide, {**narrow, "Prefix": "b/"})) == 2


def test_rules_that_overlap_move_objects_on_to_colder_storage() -> None:
    first = rule(Transition={"Days": 30, **IA})
    second = rule(ID="s", Prefix="a/b", Transition={"Days": 60, **ARCHIVE})
    assert put(first, second, rule(ID="t", Prefix="a/b/c", Expiration={"Days": 90})) == ["r", "s", "t"]


def test_two_rules_do_not_share_a_name() -> None:
    assert refused(rule(Expiration={"Days": 1}), rule(Prefix="b/", Expiration={"Days": 1}))[0] == "InvalidArgument"
