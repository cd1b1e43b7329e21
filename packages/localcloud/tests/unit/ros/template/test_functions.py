"""The value of each function of a template, with the examples of the documentation, and its error when it has none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.functions.evaluate import evaluate
from localcloud.ros.template.functions.scope import UNKNOWN, Scope, holds_unknown

SECRET = "correct horse battery staple"  # the value of a parameter that nobody may see


class Things:
    """Two resources: a bucket that exists, and one that is not made yet."""

    def reference(self, logical_id: str) -> object:
        return {"Bucket": "my-bucket", "Later": UNKNOWN}[logical_id]

    def attribute(self, logical_id: str, name: str) -> object:
        attributes: dict[str, dict[str, object]] = {
            "Bucket": {"DomainName": "my-bucket.oss", "Names": ["a", "b"]},
            "Later": {"Id": UNKNOWN},
        }
        return attributes[logical_id][name]

    def stack_output(self, stack: str, key: str) -> object:
        return f"{stack}/{key}"


SCOPE = Scope(
    values={
        "ALIYUN::Region": "cn-hangzhou",
        "Name": "vpc",
        "Number": 3,
        "Switch": True,
        "Zones": ["a", "b", "f"],
        "Json": {"foo": "bar"},
        "Secret": SECRET,
    },
    mappings={"RegionMap": {"hangzhou": {"32": "m-25l0rcfjo", "64": "m-25l0rcfj1"}}},
    conditions={"Yes": True, "No": False},
    resources=Things(),
    now=lambda: datetime(2026, 1, 31, 20, 30, tzinfo=UTC),
)

TELLS: list[tuple[str, Any, Any]] = [
    ("Ref", "Name", "vpc"),
    ("Ref", "ALIYUN::Region", "cn-hangzhou"),
    ("Ref", "Bucket", "my-bucket"),
    ("Fn::GetAtt", ["Bucket", "DomainName"], "my-bucket.oss"),
    ("Fn::GetAtt", ["Bucket", {"Fn::Join": ["", ["Domain", "Name"]]}], "my-bucket.oss"),
    ("Fn::Str", 123456, "123456"),
    ("Fn::Str", True, "true"),
    ("Fn::Base64Encode", "string to encode", "c3RyaW5nIHRvIGVuY29kZQ=="),
    ("Fn::Base64Decode", "c3RyaW5nIHRvIGVuY29kZQ==", "string to encode"),
    ("Fn::FindInMap", ["RegionMap", "hangzhou", "32"], "m-25l0rcfjo"),
    ("Fn::GetAZs", {"Ref": "ALIYUN::Region"}, ["cn-hangzhou-a"]),
    ("Fn::Jq", ["First", ".test", '{"test":"test"}'], "test"),
    ("Fn::Jq", ["First", ".missing", "{}"], None),
    ("Fn::Jq", ["First", "empty", "{}"], None),
    (
        "Fn::Jq",
        ["All", '.parameters[] | {"name": .name, "type": .type}', {"parameters": [{"name": "a"}, {"name": "b"}]}],
        [{"name": "a", "type": None}, {"name": "b", "type": None}],
    ),
    ("Fn::FindInMap", ["RegionMap", "hangzhou", 64], "m-25l0rcfj1"),
    ("Fn::Join", [",", ["a", "b", "c"]], "a,b,c"),
    ("Fn::Join", ["-", ["k8s", 0, 1.5]], "k8s-0-1.5"),  # as the vendor's templates join ALIYUN::Index
    ("Fn::Join", ["-", [{"Ref": "Name"}, {"Ref": "ALIYUN::NoValue"}, "x"]], "vpc-x"),
    ("Fn::Sub", "${Name} ${Number} ${Switch} ${Bucket} ${Bucket.DomainName}", "vpc 3 true my-bucket my-bucket.oss"),
    ("Fn::Sub", ["${Var1}, ${Var2}, ${ALIYUN::Region}", {"Var1": "a", "Var2": {"Ref": "Name"}}], "a, vpc, cn-hangzhou"),
    ("Fn::Sub", "${!Literal} costs $5", "${Literal} costs $5"),
    ("Fn::Select", ["1", ["apples", "grapes", "oranges", "mangoes"]], "grapes"),
    ("Fn::Select", [-1, ["apples", "grapes"]], "grapes"),
    ("Fn::Select", ["1:3", [1, 2, 3, 4, 5]], [2, 3]),
    ("Fn::Select", ["::2", [1, 2, 3, 4, 5]], [1, 3, 5]),
    ("Fn::Select", ["5:0:-2", [1, 2, 3, 4, 5]], [5, 3]),
    ("Fn::Select", ["9", ["apples"]], ""),
    ("Fn::Select", ["7:9", ["apples"]], []),
    ("Fn::Select", ["key1", {"key1": "grapes", "key2": "mangoes"}], "grapes"),
    ("Fn::Select", ["key3", {"key1": "grapes"}], ""),
    ("Fn::Replace", [{"print": "echo"}, "print hello"], "echo hello"),
    ("Fn::Split", [";", "foo; bar; achoo"], ["foo", " bar", " achoo"]),
    ("Fn::Equals", ["prod", "prod"], True),
    ("Fn::Equals", ["prod", {"Ref": "Name"}], False),
    ("Fn::Equals", [{"Ref": "Number"}, 3], True),
    ("Fn::And", ["Yes", {"Fn::Equals": [1, 1]}], True),
    ("Fn::And", ["Yes", "No"], False),
    ("Fn::Or", ["No", {"Fn::Not": "No"}], True),
    ("Fn::Or", ["No", {"Condition": "No"}], False),
    ("Fn::Not", "No", True),
    ("Fn::Not", ["Yes"], False),
    ("Fn::If", ["Yes", "this", {"Ref": "Nobody"}], "this"),
    ("Fn::If", ["No", {"Ref": "Nobody"}, ["that"]], ["that"]),
    ("Fn::Index", ["b", {"Ref": "Zones"}], 1),
    ("Fn::Index", ["z", {"Ref": "Zones"}], None),
    ("Fn::Length", {"key1": "v1", "key2": "v2"}, 2),
    ("Fn::Length", [1, 2, 3], 3),
    ("Fn::Length", "length", 6),
    ("Fn::ListMerge", [["a", "b"], {"Fn::GetAtt": ["Bucket", "Names"]}, []], ["a", "b", "a", "b"]),
    ("Fn::GetJsonValue", ["id", '{"id": "1", "data": ["1111"]}'], "1"),
    ("Fn::GetJsonValue", ["foo", {"Ref": "Json"}], "bar"),
    (
        "Fn::MergeMapToList",
        [{"key_1": ["1a", "1b"]}, {"key_2": ["2a", "2b", "2c"]}],
        [{"key_1": "1a", "key_2": "2a"}, {"key_1": "1b", "key_2": "2b"}, {"key_1": "1b", "key_2": "2c"}],
    ),
    ("Fn::Avg", [1, [1, 2, 6.0]], 3.0),
    ("Fn::Avg", [1, ["1", "2", "6.0"]], 3.0),
    ("Fn::SelectMapList", ["key2", [{"key1": "1-1"}, {"key2": "2-2"}, {"key1": "3-1", "key2": "3-2"}]], ["2-2", "3-2"]),
    ("Fn::Add", [{"Product": "ROS"}, {"Fn": "Add"}], {"Product": "ROS", "Fn": "Add"}),
    ("Fn::Add", [1, 2.5], 3.5),
    ("Fn::Add", [["a"], ["b", "c"]], ["a", "b", "c"]),
    ("Fn::Calculate", ["(2+3)/2*3-1", 1], 5),
    ("Fn::Calculate", ["(2.0+3)/2*3-1", 1], 6.5),
    ("Fn::Calculate", ["({1}+3)/2*3-1", 1, [3, 5, 6]], 11),
    ("Fn::Calculate", ["({0}+{1})%3", 0, [5, 6]], 2),
    ("Fn::Calculate", ["-{0} * 2", 0, [-1]], 2),
    ("Fn::Max", [1.1, 2, 3], 3),
    ("Fn::Min", [1.1, 2, 3], 1.1),
    ("Fn::GetStackOutput", ["other", "InstanceId"], "other/InstanceId"),
    ("Fn::GetStackOutput", ["other", "InstanceId", {"Ref": "ALIYUN::Region"}], "other/InstanceId"),
    ("Fn::FormatTime", "%Y-%m-%d", "2026-01-31"),
    ("Fn::FormatTime", ["%Y-%m-%d %H:%M", "Asia/Shanghai"], "2026-02-01 04:30"),
    ("Fn::Any", [False, True], True),
    ("Fn::Any", [0, 0], False),
    ("Fn::Contains", [[1, 2, 3], 3], True),
    ("Fn::Contains", [[1, 2, 3], 4], False),
    ("Fn::EachMemberIn", [[1, 2], [3, 2, 1]], True),
    ("Fn::EachMemberIn", [[1, 4], [3, 2, 1]], False),
    ("Fn::MatchPattern", ["[a-z]+", "adb"], True),
    ("Fn::MatchPattern", ["[a-z]+", "12b"], False),
    ("Fn::Indent", ["[client]\nport=3306", 1], "  [client]\n  port=3306"),
    ("Fn::Indent", ["a\nb", 2, 1], "  a\n  b"),
    ("Fn::Indent", ["a\nb", 1, 2, False], "a\n  b"),
    ("Fn::Cidr", ["192.168.0.0/24", 3, 5], ["192.168.0.0/27", "192.168.0.32/27", "192.168.0.64/27"]),
    (
        "Fn::MemberListToMap",
        [
            "Name",
            "Value",
            [".member.0.Name=key", ".member.0.Value=door", ".member.1.Name=colour", ".member.1.Value=green"],
        ],
        {"key": "door", "colour": "green"},
    ),
]


@pytest.mark.parametrize(("function", "argument", "expected"), TELLS)
def test_a_function_gives_what_its_documentation_says(function: str, argument: Any, expected: Any) -> None:
    result = evaluate({function: argument}, SCOPE)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        ("Fn::GetAZs", "cn-beijing", "not implemented: Fn::GetAZs of another region"),
        ("Fn::Jq", ["First", 'import "passwd" as $d {search: "/etc"}; $d', "{}"], "Fn::Jq: "),
        ("Fn::Jq", ["Last", ".a", "{}"], "needs First or All"),
        ("Fn::Jq", ["First", ".a |", "{}"], "Fn::Jq: "),
        ("Fn::Jq", ["First", ".a", "no JSON"], "Fn::Jq: "),
        ("Fn::Jion", ["", []], "there is no function Fn::Jion"),
        ("Ref", ["Name"], "Ref"),
        ("Fn::Join", ["-"], "Fn::Join: needs a list of 2 values"),
        ("Fn::Join", ["-", [[1]]], "Fn::Join: joins texts and numbers"),
        ("Fn::Split", ["", "abc"], "Fn::Split: "),
        ("Fn::Replace", ["a", "b"], "Fn::Replace: "),
        ("Fn::Sub", 3, "Fn::Sub: "),
        ("Fn::Sub", ["${a}", ["a"]], "Fn::Sub: "),
        ("Fn::Select", [0, 1], "Fn::Select: "),
        ("Fn::Select", ["x", ["a"]], "Fn::Select: "),
        ("Fn::Select", ["::0", ["a"]], "Fn::Select: "),
        (
            "Fn::FindInMap",
            ["RegionMap", "beijing", "32"],
            "Fn::FindInMap: there is no beijing in ",
        ),
        ("Fn::FindInMap", ["Map", "beijing", "32"], "Fn::FindInMap: there is no Map in "),
        ("Fn::If", ["Maybe", 1, 2], "the condition Maybe is not defined"),
        ("Fn::If", ["Yes", 1], "Fn::If: needs a list of 3 values"),
        ("Fn::If", [{"Ref": "Number"}, 1, 2], "not a condition"),
        ("Fn::And", ["Yes"], "Fn::And: needs a list of at least 2 conditions"),
        ("Fn::Not", {"Ref": "Name"}, "not a condition"),
        ("Fn::Base64Decode", "?", "Fn::Base64Decode: not a base64 text"),
        ("Fn::GetJsonValue", ["a", "{"], "Fn::GetJsonValue: "),
        ("Fn::GetJsonValue", ["a", "{}"], "Fn::GetJsonValue: "),
        ("Fn::MergeMapToList", [{"a": []}, {"b": [1]}], "Fn::MergeMapToList: "),
        ("Fn::Length", 3, "Fn::Length: "),
        ("Fn::Avg", [1, []], "Fn::Avg: "),
        ("Fn::Add", [1], "Fn::Add: needs a list of at least 2"),
        ("Fn::Add", [1, [2]], "Fn::Add: "),
        ("Fn::Calculate", ["2**100", 0], "Fn::Calculate: "),
        ("Fn::Calculate", ["__import__('os')", 0], "Fn::Calculate: "),
        ("Fn::Calculate", ["1/0", 0], "Fn::Calculate: "),
        ("Fn::Calculate", ["{2}", 0, [1]], "Fn::Calculate: "),
        ("Fn::Calculate", ["(" * 5000, 0], "Fn::Calculate: "),
        ("Fn::Calculate", ["-" * 50_000 + "1", 0], "Fn::Calculate: "),
        ("Fn::Max", [], "Fn::Max: "),
        ("Fn::Min", ["x"], "Fn::Min: "),
        ("Fn::MatchPattern", ["(", "x"], "Fn::MatchPattern: needs a regular expression"),
        ("Fn::Indent", ["x", 21], "Fn::Indent: "),
        ("Fn::Indent", ["x", 1, 5], "Fn::Indent: "),
        ("Fn::Cidr", ["10.0.0.0/24", 300, 2], "Fn::Cidr: "),
        ("Fn::Cidr", ["10.0.0.0/30", 8, 2], "Fn::Cidr: "),
        ("Fn::Cidr", ["10.0.0.0/24", 1, 9], "Fn::Cidr: "),
        ("Fn::FormatTime", ["%Y", "Mars/Olympus"], "Fn::FormatTime: "),
        ("Fn::FormatTime", ["%Y", 8], "Fn::FormatTime: "),
        ("Fn::GetStackOutput", ["other", "Id", "cn-beijing"], "not implemented: Fn::GetStackOutput of another region"),
    ],
)
def test_what_a_function_cannot_do_is_said(function: str, argument: Any, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        evaluate({function: argument}, SCOPE)
    assert words in refused.value.message


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Avg": [1, [{"Ref": "Secret"}]]},
        {"Fn::Max": [{"Ref": "Secret"}]},
        {"Fn::Join": [{"Ref": "Secret"}]},
        {"Fn::Select": [{"Ref": "Secret"}, ["a"]]},
        {"Fn::Base64Decode": {"Ref": "Secret"}},
        {"Fn::Calculate": [{"Ref": "Secret"}, 0]},
        {"Fn::Cidr": [{"Ref": "Secret"}, 1, 8]},
        {"Fn::GetJsonValue": ["a", {"Ref": "Secret"}]},
        {"Fn::MatchPattern": [{"Fn::Join": ["", ["(", {"Ref": "Secret"}]]}, "a"]},
        {"Fn::FormatTime": ["%Y", {"Ref": "Secret"}]},
        {"Fn::FindInMap": ["RegionMap", {"Ref": "Secret"}, "32"]},
        {"Fn::GetStackOutput": ["a", "b", {"Ref": "Secret"}]},
        {"Fn::If": [{"Ref": "Secret"}, 1, 2]},
        {"Fn::Indent": [{"Ref": "Secret"}, {"Ref": "Secret"}]},
    ],
)
def test_an_error_never_tells_the_value_of_a_parameter(value: Any) -> None:
    with pytest.raises(TemplateError) as refused:
        evaluate(value, SCOPE)
    assert "horse" not in refused.value.message


def test_functions_are_evaluated_however_deep() -> None:
    value = {"a": [{"b": {"Fn::Join": ["/", {"Fn::Split": ["-", {"Fn::Sub": "${Name}-x"}]}]}}], "c": 1}
    assert evaluate(value, SCOPE) == {"a": [{"b": "vpc/x"}], "c": 1}


def test_what_has_no_value_is_left_out() -> None:
    nothing = {"Fn::If": ["No", 1, {"Ref": "ALIYUN::NoValue"}]}
    assert evaluate({"a": nothing, "b": [nothing, 1], "c": {"d": nothing}}, SCOPE) == {"b": [1], "c": {}}
    assert evaluate(nothing, SCOPE) is None


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Later"},
        {"Fn::GetAtt": ["Later", "Id"]},
        {"Fn::Sub": "x-${Later}"},
        {"Fn::Sub": ["${x}", {"x": {"Fn::GetAtt": ["Later", "Id"]}}]},
        {"Fn::Join": ["", ["a", {"Ref": "Later"}]]},
        {"Fn::FindInMap": ["RegionMap", {"Ref": "Later"}, "32"]},
        {"Fn::GetStackOutput": [{"Ref": "Later"}, "x"]},
        {"Fn::GetAtt": ["Bucket", {"Ref": "Later"}]},
        {"Fn::FormatTime": ["%Y", {"Ref": "Later"}]},
    ],
)
def test_a_function_of_what_is_unknown_is_unknown(value: Any) -> None:
    assert evaluate(value, SCOPE) is UNKNOWN


def test_what_holds_something_unknown_is_found() -> None:
    assert holds_unknown(evaluate({"a": [1, {"b": {"Ref": "Later"}}], "c": 1}, SCOPE))
    assert not holds_unknown(evaluate({"a": [1, {"b": {"Ref": "Bucket"}}]}, SCOPE))


@pytest.mark.parametrize(
    "value",
    [{"Fn::Join": ["", []], "Other": 1}, {"Other": 1, "Fn::Sub": "x"}, {"Fn::Sub": "x", "Ref": "Name"}],
)
def test_a_function_beside_other_keys_is_refused(value: Any) -> None:
    with pytest.raises(TemplateError, match="has to be the only key"):
        evaluate(value, SCOPE)


def test_a_key_called_ref_among_others_is_data() -> None:
    assert evaluate({"Ref": "Name", "Other": 1}, SCOPE) == {"Ref": "Name", "Other": 1}
