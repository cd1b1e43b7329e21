"""Resources with a Count, and local variables: the template that is left when both are resolved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.model import Source
from localcloud.ros.template.known import Known, Made
from localcloud.ros.template.resolved import ResolvedTemplate, resolve_template

COUNT = {"Parameters": {"Count": {"Type": "Number", "Default": 2}}}
SELECT_OWN: dict[str, Any] = {"Fn::Select": [{"Ref": "ALIYUN::Index"}, {"Ref": "A"}]}


def resolved(**sections: Any) -> ResolvedTemplate:
    text = json.dumps({"ROSTemplateFormatVersion": "2015-09-01", **sections})
    return resolve_template(Source(template=text), {"ALIYUN::Region": "cn-hangzhou"}, {"T"})


def refusal(**sections: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        resolved(**sections)
    return caught.value.message


def made(*names: str) -> Known:
    return Known(resources={name: Made(type="T", physical_id=name.lower(), attributes={"Id": name}) for name in names})


def test_a_resource_with_a_count_becomes_as_many_as_it_says() -> None:
    template = resolved(**COUNT, Resources={"A": {"Type": "T", "Count": {"Ref": "Count"}}, "B": {"Type": "T"}})
    assert list(template.requires) == ["A[0]", "A[1]", "B"]
    assert template.outline.resources == 3


def test_a_count_that_is_not_known_yet_is_one() -> None:
    sections = {
        "Parameters": {"Count": {"Type": "Number"}},
        "Resources": {"A": {"Type": "T", "Count": {"Ref": "Count"}}},
    }
    text = json.dumps({"ROSTemplateFormatVersion": "2015-09-01", **sections})
    assert list(resolve_template(Source(template=text), {}, {"T"}, stand_in=True).requires) == ["A[0]"]


def test_each_of_them_knows_its_index() -> None:
    properties = {"Number": {"Ref": "ALIYUN::Index"}, "Name": {"Fn::Sub": "${ALIYUN::Region}-${ALIYUN::Index}"}}
    template = resolved(Resources={"A": {"Type": "T", "Count": 2, "Properties": properties}})
    assert template.properties("A[1]", made()) == {"Number": 1, "Name": "cn-hangzhou-1"}


def test_references_to_it_are_lists() -> None:
    template = resolved(
        Resources={
            "A": {"Type": "T", "Count": 2},
            "B": {"Type": "T", "DependsOn": "A", "Properties": {"Ids": {"Fn::GetAtt": ["A", "Id"]}}},
        },
        Outputs={"All": {"Value": {"Ref": "A"}}},
    )
    known = made("A[0]", "A[1]")
    assert template.requires["B"] == {"A[0]", "A[1]"}
    assert template.properties("B", known) == {"Ids": ["A[0]", "A[1]"]}
    assert template.outputs(known) == {"All": ["a[0]", "a[1]"]}


def test_one_of_many_is_selected_without_waiting_for_the_others() -> None:
    template = resolved(
        Resources={
            "A": {"Type": "T", "Count": 2},
            "B": {"Type": "T", "Count": 2, "Properties": {"Peer": SELECT_OWN}},
        }
    )
    assert template.requires["B[1]"] == {"A[1]"}
    assert template.properties("B[1]", made("A[1]")) == {"Peer": "a[1]"}


def test_none_of_them_is_an_empty_list() -> None:
    template = resolved(
        Resources={"A": {"Type": "T", "Count": 0}, "B": {"Type": "T", "DependsOn": ["A"]}},
        Outputs={"All": {"Value": {"Ref": "A"}}},
    )
    assert list(template.requires) == ["B"]
    assert template.outputs(made()) == {"All": []}


@pytest.mark.parametrize("count", [-1, 1.5, True, "two", [1], {"Ref": "Flag"}])
def test_a_count_is_a_natural_number(count: object) -> None:
    parameters = {"Flag": {"Type": "Boolean", "Default": True}}
    assert "A.Count: must be a whole number" in refusal(
        Parameters=parameters, Resources={"A": {"Type": "T", "Count": count}}
    )


def test_a_count_cannot_ask_for_resources_nor_exceed_the_limit_together_with_others() -> None:
    assert "A.Count" in refusal(Resources={"A": {"Type": "T", "Count": {"Ref": "B"}}, "B": {"Type": "T"}})
    assert "300" in refusal(Resources={"A": {"Type": "T", "Count": 200}, "B": {"Type": "T", "Count": 101}})
    assert "ALIYUN::Index" in refusal(Resources={"A": {"Type": "T", "Properties": {"N": {"Ref": "ALIYUN::Index"}}}})


def test_locals_take_the_place_of_their_references() -> None:
    template = resolved(
        Parameters={"P1": {"Type": "Number", "Default": 1}, "P2": {"Type": "Number", "Default": 2}},
        Locals={
            "Sum": {"Type": "Eval", "Value": {"Fn::Add": [{"Ref": "P1"}, {"Ref": "P2"}]}},
            "Peer": {"Value": {"Fn::GetAtt": ["B", "Id"]}},
            "Twice": {"Value": {"Fn::Add": [{"Ref": "Sum"}, {"Ref": "Sum"}]}},
        },
        Conditions={"Three": {"Fn::Equals": [{"Ref": "Sum"}, 3]}},
        Resources={
            "A": {"Type": "T", "Condition": "Three", "Properties": {"Peer": {"Ref": "Peer"}, "N": {"Ref": "Twice"}}},
            "B": {"Type": "T", "Count": {"Ref": "Sum"}},
        },
    )
    assert template.requires["A"] == {"B[0]", "B[1]", "B[2]"}
    known = made("B[0]", "B[1]", "B[2]")
    assert template.properties("A", known) == {"Peer": ["B[0]", "B[1]", "B[2]"], "N": 6}


def test_locals_that_go_in_circles_or_too_deep_are_refused() -> None:
    def chain(length: int) -> dict[str, Any]:
        return {f"L{n}": {"Value": {"Ref": f"L{n + 1}"} if n < length else 1} for n in range(1, length + 1)}

    assert resolved(Locals=chain(5)).template.locals.keys() == chain(5).keys()
    assert "more than 5 levels" in refusal(Locals=chain(6))
    assert "Circular" in refusal(Locals={"A": {"Value": {"Ref": "B"}}, "B": {"Value": {"Ref": "A"}}})
    assert "Locals.A: there is no parameter B" in refusal(
        Locals={"A": {"Type": "Eval", "Value": {"Ref": "B"}}}, Resources={"B": {"Type": "T"}}
    )
    assert "same name" in refusal(Locals={"A": {"Value": 1}}, Resources={"A": {"Type": "T"}})


def test_locals_that_stand_for_too_much_are_refused() -> None:
    levels = {f"L{n}": {"Value": [{"Ref": f"L{n + 1}"}] * 40} for n in range(1, 5)}
    assert "more than 300,000 values" in refusal(Locals=levels | {"L5": {"Value": 1}})
