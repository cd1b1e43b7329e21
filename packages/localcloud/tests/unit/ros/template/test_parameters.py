"""The values of a template's parameters, and those that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import Template, parse_template
from localcloud.ros.template.functions.scope import UNKNOWN
from localcloud.ros.template.parameters import resolve_parameters, stand_ins


def template(**parameters: Any) -> Template:
    return parse_template(json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Parameters": parameters}))


def refuse(declared: dict[str, Any], given: dict[str, str]) -> TemplateError:
    with pytest.raises(TemplateError) as refused:
        resolve_parameters(template(P=declared), given)
    return refused.value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("String", "3", "3"),
        ("String", "", ""),
        ("Number", "3", 3),
        ("Number", "-2.50", -2.5),
        ("Number", "1e3", 1000.0),
        ("Boolean", "true", True),
        ("Boolean", "False", False),
        ("Boolean", "1", True),
        ("Json", '{"foo": "bar"}', {"foo": "bar"}),
        ("Json", " [1, [2]]", [1, [2]]),
        ("CommaDelimitedList", "80, foo,bar ", ["80", "foo", "bar"]),
    ],
)
def test_a_text_becomes_a_value_of_the_type(kind: str, text: str, expected: object) -> None:
    for values in (
        resolve_parameters(template(P={"Type": kind}), {"P": text}),
        resolve_parameters(template(P={"Type": kind, "Default": text}), {}),
        stand_ins(template(P={"Type": kind, "Default": text})),
    ):
        assert values == {"P": expected}
        assert type(values["P"]) is type(expected)


@pytest.mark.parametrize(
    ("kind", "default"),
    [("Number", 3), ("Boolean", False), ("Json", {"a": [1]}), ("Json", [1]), ("CommaDelimitedList", ["a", "b"])],
)
def test_a_default_may_have_the_type_already(kind: str, default: object) -> None:
    assert resolve_parameters(template(P={"Type": kind, "Default": default}), {}) == {"P": default}


def test_what_is_given_goes_before_the_default() -> None:
    declared = template(P={"Type": "String", "Default": "a"}, Q={"Type": "String", "Default": "b"})
    assert resolve_parameters(declared, {"P": "x"}) == {"P": "x", "Q": "b"}


def test_a_missing_parameter_has_the_documented_code_and_message() -> None:
    error = refuse({"Type": "String"}, {})
    assert (error.code, error.message) == ("UserParameterMissing", "The Parameter P was not provided.")


def test_an_unknown_parameter_has_the_documented_code_and_message() -> None:
    error = refuse({"Type": "String"}, {"P": "a", "Q": "b"})
    assert (error.code, error.message) == ("UnknownUserParameter", "The Parameter (Q) was not defined in template.")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Number", "three"),
        ("Number", "nan"),
        ("Number", "inf"),
        ("Number", ""),
        ("Boolean", "perhaps"),
        ("Json", "{"),
        ("Json", "3"),
        ("Json", "a: 1"),
        ("Json", '{"a": 1, "a": 2}'),
        ("Json", "[" * 10_000),
        ("Json", "[" * 200 + "]" * 200),
    ],
)
def test_a_text_that_is_not_of_the_type_is_refused(kind: str, text: str) -> None:
    error = refuse({"Type": kind}, {"P": text})
    assert error.message == f"Parameter 'P' is invalid: `{text}` is not a {kind}."


@pytest.mark.parametrize(
    ("constraint", "good", "bad", "words"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "b", "c", "`c` is not one of the allowed values a, b"),
        ({"Type": "Number", "AllowedValues": [1, 2]}, "2", "3", "`3` is not one of the allowed values 1, 2"),
        ({"Type": "Boolean", "AllowedValues": [True]}, "true", "false", "is not one of the allowed values True"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,b,a", "a,c", "`c` is not one of"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "abc", "abc1", "`abc1` does not match the pattern [a-z]+"),
        ({"Type": "String", "MinLength": 2}, "ab", "a", "has a length that is less than 2"),
        ({"Type": "String", "MaxLength": "3"}, "abc", "abcd", "has a length that is more than 3"),
        ({"Type": "Number", "MinValue": 10}, "10", "9.5", "`9.5` is less than 10"),
        ({"Type": "Number", "MaxValue": 10}, "10", "11", "`11` is more than 10"),
    ],
)
def test_a_value_against_a_constraint_is_refused(constraint: dict[str, Any], good: str, bad: str, words: str) -> None:
    assert resolve_parameters(template(P=constraint), {"P": good})
    error = refuse({**constraint, "ConstraintDescription": "Ask Ann."}, {"P": bad})
    assert words in error.message
    assert error.message.startswith("Parameter 'P' is invalid: ")
    assert error.message.endswith(" Ask Ann.")


def test_a_default_keeps_to_the_constraints_too() -> None:
    declared = {"Type": "Number", "Default": 5, "MaxValue": 3}
    assert "is more than 3" in refuse(declared, {}).message
    with pytest.raises(TemplateError, match="is more than 3"):
        stand_ins(template(P=declared))


@pytest.mark.parametrize(
    "declared",
    [
        {"Type": "Number"},
        {"Type": "Json"},
        {"Type": "String", "MaxLength": 3},
        {"Type": "String", "AllowedPattern": "x"},
    ],
)
def test_the_value_of_a_hidden_parameter_is_never_told(declared: dict[str, Any]) -> None:
    assert "horse" not in refuse({**declared, "NoEcho": True}, {"P": "{horse"}).message


def test_what_has_no_default_is_unknown_while_a_template_is_checked_alone() -> None:
    values = stand_ins(template(Given={"Type": "Number"}, Default={"Type": "Number", "Default": "3"}))
    assert values == {"Given": UNKNOWN, "Default": 3}


def test_a_parameter_whose_default_is_null_may_be_left_out_and_is_nothing_then() -> None:
    declared: dict[str, Any] = {
        "Type": "Json",
        "Default": None,
        "AllowedValues": [{}],
    }  # as the vendor's templates write it
    assert resolve_parameters(template(P=declared), {}) == {"P": None}
    assert resolve_parameters(template(P=declared), {"P": "{}"}) == {"P": {}}
