"""Resolved templates: a template and parameters together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.model import Owner, Source
from localcloud.ros.template.functions.scope import UNKNOWN
from localcloud.ros.template.resolved import ResolvedTemplate, pseudo_parameters, resolve_template

PSEUDO = "/".join(f"${{ALIYUN::{name}}}" for name in ("Region", "AccountId", "StackName", "StackId", "ResourceGroupId"))
TEMPLATE: dict[str, Any] = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Parameters": {
        "Env": {"Type": "String", "AllowedValues": ["prod", "test"]},
        "Password": {"Type": "String", "NoEcho": True, "Default": "x"},
    },
    "Conditions": {"Prod": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}},
    "Rules": {
        "Safe": {
            "RuleCondition": {"Condition": "Prod"},
            "Assertions": [
                {
                    "Assert": {"Fn::Not": {"Fn::Equals": [{"Ref": "Password"}, "x"]}},
                    "AssertDescription": "choose a password",
                }
            ],
        }
    },
    "Resources": {
        "A": {
            "Type": "T",
            "Properties": {
                "Peer": {"Fn::If": ["Prod", {"Ref": "B"}, {"Ref": "ALIYUN::NoValue"}]},
                "Where": {"Fn::Sub": PSEUDO},
            },
        },
        "B": {"Type": "T", "Condition": "Prod"},
    },
    "Outputs": {"Peer": {"Value": {"Ref": "B"}, "Condition": "Prod"}, "Env": {"Value": {"Ref": "Env"}}},
}


class Made:
    """Every resource exists, or none does yet."""

    def __init__(self, value: object) -> None:
        self._value = value

    def reference(self, logical_id: str) -> object:
        return self._value

    def attribute(self, logical_id: str, name: str) -> object:
        return self._value

    def stack_output(self, stack: str, key: str) -> object:
        return self._value


def resolve(template: dict[str, Any] = TEMPLATE, *, stand_in: bool = False, **parameters: str) -> ResolvedTemplate:
    source = Source(template=json.dumps(template), parameters=parameters)
    pseudo = pseudo_parameters(Owner(region="cn-hangzhou", account_id="1234567890123456"), "id-1", "one", "rg-1")
    return resolve_template(source, pseudo, known_types={"T"}, stand_in=stand_in)


def test_conditions_decide_what_is_made() -> None:
    test, prod = resolve(Env="test"), resolve(Env="prod", Password="y")
    assert test.requires == {"A": frozenset()}
    assert prod.requires == {"A": frozenset({"B"}), "B": frozenset()}
    where = "cn-hangzhou/1234567890123456/one/id-1/rg-1"
    assert test.properties("A", Made("b-1")) == {"Where": where}
    assert prod.properties("A", Made("b-1")) == {"Where": where, "Peer": "b-1"}
    assert test.outputs(Made("b-1")) == {"Env": "test"}
    assert prod.outputs(Made("b-1")) == {"Peer": "b-1", "Env": "prod"}


def test_conditions_ask_whether_a_parameter_was_left_out() -> None:
    sections = {
        "Parameters": {"Name": {"Type": "String", "Default": None}},
        "Conditions": {"Named": {"Fn::Not": {"Fn::Equals": [None, {"Ref": "Name"}]}}},
        "Resources": {"A": {"Type": "T", "Properties": {"Name": {"Ref": "Name"}}, "Condition": "Named"}},
    }
    text = {"ROSTemplateFormatVersion": "2015-09-01", **sections}
    assert resolve(text).requires.keys() == set()
    assert resolve(text, Name="x").requires.keys() == {"A"}
    assert resolve(text, stand_in=True).requires.keys() == {"A"}


def test_what_is_not_made_yet_is_unknown() -> None:
    properties = resolve(Env="prod", Password="y").properties("A", Made(UNKNOWN))
    assert properties["Peer"] is UNKNOWN


def test_parameters_without_echo_are_hidden() -> None:
    assert resolve(Env="test").hidden == {"Password"}


def test_a_broken_rule_refuses_the_stack() -> None:
    with pytest.raises(TemplateError, match=r"^StackValidationFailed: Rules\.Safe: choose a password$"):
        resolve(Env="prod")


def test_a_template_alone_is_checked_without_its_rules() -> None:
    strict = {**TEMPLATE, "Rules": {"No": {"Assertions": [{"Assert": {"Fn::Equals": [1, 2]}}]}}}
    assert resolve(strict, stand_in=True).requires.keys() == {"A", "B"}


@pytest.mark.parametrize(
    "condition",
    [
        {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "Env"}, "prod"]}]},
        {"Fn::And": [{"Fn::Equals": [1, 1]}, {"Fn::Equals": [{"Ref": "Env"}, "prod"]}]},
        {"Fn::Or": [{"Fn::Equals": [1, 2]}, {"Fn::Equals": [{"Fn::GetJsonValue": ["a", {"Ref": "Env"}]}, "prod"]}]},
    ],
)
def test_a_condition_of_a_parameter_that_has_no_value_may_hold_when_a_template_is_checked_alone(condition: Any) -> None:
    assert "B" in resolve({**TEMPLATE, "Conditions": {"Prod": condition}}, stand_in=True).requires


def test_a_type_that_is_not_there_is_refused_where_it_is_certain_that_one_is_made() -> None:
    resources = {"A": {"Type": "T"}, "B": {"Type": "Other", "Condition": "Prod"}}
    may_be: dict[str, Any] = {**TEMPLATE, "Resources": resources}
    assert "B" in resolve(may_be, stand_in=True).requires
    for template, options in (
        ({**may_be, "Conditions": {"Prod": {"Fn::Equals": [1, 1]}}}, {"stand_in": True}),
        (may_be, {"Env": "prod", "Password": "y"}),
    ):
        with pytest.raises(TemplateError, match=r"Resources\.B: not implemented: Other"):
            resolve(template, **options)


def test_a_condition_that_no_parameter_can_change_is_known_when_a_template_is_checked_alone() -> None:
    never = {"Fn::And": [{"Fn::Equals": [1, 2]}, {"Fn::Equals": [{"Ref": "Env"}, "prod"]}]}
    with pytest.raises(TemplateError, match="whose Condition does not hold"):
        resolve({**TEMPLATE, "Conditions": {"Prod": never}, "Outputs": {"O": {"Value": {"Ref": "B"}}}}, stand_in=True)


def test_a_reference_to_what_is_not_made_is_refused_before_anything_is_made() -> None:
    resources = {**TEMPLATE["Resources"], "C": {"Type": "T", "Properties": {"P": {"Ref": "B"}}}}
    with pytest.raises(TemplateError, match=r"Resources\.C\.Properties: refers to B, whose Condition does not hold"):
        resolve({**TEMPLATE, "Resources": resources}, Env="test")


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"Resources\.Vm: not implemented: ALIYUN::ECS::Instance"):
        resolve({**TEMPLATE, "Resources": {"Vm": {"Type": "ALIYUN::ECS::Instance"}}, "Outputs": {}}, Env="test")
