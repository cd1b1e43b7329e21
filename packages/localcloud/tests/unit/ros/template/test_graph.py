"""The order in which resources need each other, and references that are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import Template, parse_template
from localcloud.ros.template.graph import check_acyclic, dependencies

VALUES = {"Name", "ALIYUN::Region"}


def template(outputs: Mapping[str, Any] | None = None, **resources: Any) -> Template:
    """Return a template of resources given by their properties; `Condition` and `DependsOn` stand beside them."""
    declared = {}
    for name, given in resources.items():
        aside = {key: given[key] for key in ("Condition", "DependsOn") if key in given}
        properties = {key: value for key, value in given.items() if key not in aside}
        declared[name] = {"Type": "T", "Properties": properties, **aside}
    return parse_template(
        json.dumps(
            {
                "ROSTemplateFormatVersion": "2015-09-01",
                "Conditions": {"Yes": True, "No": False},
                "Resources": declared,
                "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()},
            }
        )
    )


def edges(parsed: Template) -> dict[str, set[str]]:
    found = dependencies(parsed, {"Yes": True, "No": False}, VALUES)
    return {name: set(needs) for name, needs in found.items()}


@pytest.mark.parametrize(
    "reference",
    [
        {"P": {"Ref": "B"}},
        {"P": {"Fn::GetAtt": ["B", "x"]}},
        {"P": {"Fn::GetAtt": ["B", {"Ref": "Name"}]}},
        {"P": {"Fn::Sub": "${B}"}},
        {"P": {"Fn::Sub": "${Name}-${B.x}"}},
        {"P": {"Fn::Sub": ["${v}", {"v": {"Ref": "B"}}]}},
        {"P": [{"Q": {"Fn::Join": ["", ["a", {"Fn::Select": [0, [{"Ref": "B"}]]}]]}}]},
        {"P": {"Fn::If": ["Yes", {"Ref": "B"}, 1]}},
        {"P": {"Fn::If": [{"Fn::Not": "No"}, {"Ref": "B"}, 1]}},
        {"DependsOn": "B"},
        {"DependsOn": ["B"]},
    ],
)
def test_every_kind_of_reference_is_an_edge(reference: dict[str, Any]) -> None:
    assert edges(template(A=reference, B={})) == {"A": {"B"}, "B": set()}


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Name"},
        {"Ref": "ALIYUN::Region"},
        {"Ref": "ALIYUN::NoValue"},
        {"Fn::Sub": "${Name} ${!B} ${ALIYUN::Region}"},
        {"Fn::Sub": ["${B}", {"B": 1}]},
        {"Ref": "B", "Other": 1},
        {"Fn::If": ["No", {"Ref": "B"}, 1]},
        "B",
    ],
)
def test_what_is_no_reference_to_a_resource_is_no_edge(value: object) -> None:
    assert edges(template(A={"P": value}, B={}))["A"] == set()


def test_resources_whose_condition_does_not_hold_are_not_there() -> None:
    parsed = template(A={"DependsOn": "B", "P": {"Fn::If": ["No", {"Ref": "B"}, 1]}}, B={"Condition": "No"})
    assert edges(parsed) == {"A": set()}


@pytest.mark.parametrize("reference", [{"Ref": "B"}, {"Fn::If": ["Yes", {"Fn::Sub": "${B.x}"}, 1]}])
def test_a_reference_to_a_resource_whose_condition_does_not_hold_is_refused(reference: object) -> None:
    for parsed, place in (
        (template(A={"P": reference}, B={"Condition": "No"}), "Resources.A.Properties"),
        (template({"O": reference}, B={"Condition": "No"}), "Outputs.O.Value"),
    ):
        with pytest.raises(TemplateError) as refused:
            edges(parsed)
        assert refused.value.message == f"{place}: refers to B, whose Condition does not hold"


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"P": [{"Q": {"Ref": "Nobody"}}]}, "Resources.A.Properties.P[0].Q: The Resource or Parameter (Nobody)"),
        ({"P": {"Fn::GetAtt": ["Nobody", "x"]}}, "Resources.A.Properties.P: The Resource or Parameter (Nobody)"),
        ({"P": {"Fn::GetAtt": ["Name", "x"]}}, "Resources.A.Properties.P: The Resource or Parameter (Name)"),
        ({"P": {"Fn::Sub": "${Nobody.x}"}}, "Resources.A.Properties.P: The Resource or Parameter (Nobody)"),
        ({"P": {"Fn::If": ["No", {"Ref": "Nobody"}, 1]}}, "The Resource or Parameter (Nobody)"),
        ({"DependsOn": "Nobody"}, "Resources.A.DependsOn: The Resource or Parameter (Nobody)"),
        ({"DependsOn": "Name"}, "Resources.A.DependsOn: The Resource or Parameter (Name)"),
        ({"P": {"Fn::GetAtt": ["A"]}}, "Resources.A.Properties.P: Fn::GetAtt: needs [resource, attribute]"),
        (
            {"P": {"Fn::GetAtt": [{"Ref": "Name"}, "x"]}},
            "Resources.A.Properties.P: Fn::GetAtt: needs [resource, attribute]",
        ),
        ({"P": {"Fn::If": ["Maybe", 1, 2]}}, "Resources.A.Properties.P: the condition Maybe is not defined"),
        ({"P": {"Fn::Str": 1, "Q": 2}}, "Resources.A.Properties.P: Fn::Str: has to be the only key"),
    ],
)
def test_a_reference_to_nothing_is_refused_with_its_place(properties: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        edges(template(A=properties))
    assert words in refused.value.message


def test_references_of_resources_that_are_not_made_are_checked_too() -> None:
    with pytest.raises(TemplateError, match=r"Resources\.A\.Properties\.P: .*Nobody") as refused:
        edges(template(A={"Condition": "No", "P": {"Ref": "Nobody"}}))
    assert refused.value.code == "InvalidTemplateReference"


def test_references_of_outputs_are_checked() -> None:
    with pytest.raises(TemplateError, match=r"Outputs\.O\.Value: .*Nobody"):
        edges(template({"O": {"Ref": "Nobody"}}))


@pytest.mark.parametrize(
    ("requires", "circle"),
    [
        ({"A": {"A"}}, "A -> A"),
        ({"B": {"A"}, "A": {"B"}}, "A -> B -> A"),
        ({"C": {"A"}, "A": {"B", "D"}, "B": {"C"}, "D": set()}, "A -> B -> C -> A"),
    ],
)
def test_a_circle_is_named_in_the_order_of_needs(requires: dict[str, set[str]], circle: str) -> None:
    with pytest.raises(TemplateError) as refused:
        check_acyclic(requires)
    assert refused.value.message == f"Circular Dependency Found: {circle}"
    assert refused.value.code == "CircularDependency"


def test_what_meets_again_is_no_circle() -> None:
    check_acyclic({"A": {"B", "C"}, "B": {"D"}, "C": {"D"}, "D": set()})
