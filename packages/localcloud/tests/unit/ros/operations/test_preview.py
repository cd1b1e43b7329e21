"""A preview shows the resources with their properties, as far as these are known."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.model import Source
from localcloud.ros.operations.preview import preview_properties
from localcloud.ros.resources.provider import Property
from localcloud.ros.template.known import Known, Made
from localcloud.ros.template.resolved import ResolvedTemplate, resolve_template

TYPES = {"T::Box": {"Name": Property(kind="string", required=True), "Of": Property(kind="string")}}


def resolve(resources: Mapping[str, object], parameters: dict[str, str]) -> ResolvedTemplate:
    template = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Parameters": {"Wanted": {"Type": "String"}, "Secret": {"Type": "String", "NoEcho": True, "Default": "s3cret"}},
        "Conditions": {"More": {"Fn::Equals": [{"Ref": "Wanted"}, "more"]}},
        "Resources": resources,
    }
    source = Source(template=json.dumps(template), parameters=parameters)
    return resolve_template(source, {"ALIYUN::Region": "cn-hangzhou"}, frozenset(TYPES))


def box(name: object, **more: object) -> dict[str, object]:
    return {"Type": "T::Box", "Properties": {"Name": name, **more}}


def test_properties_are_evaluated_of_parameters_and_of_what_is_there() -> None:
    resolved = resolve(
        {"A": box({"Fn::Join": ["-", [{"Ref": "ALIYUN::Region"}, {"Ref": "Wanted"}]]}), "B": box("b", Of={"Ref": "A"})},
        {"Wanted": "less"},
    )
    made = Known(resources={"A": Made(type="T::Box", physical_id="id-1", attributes={})})
    assert preview_properties(resolved, TYPES, made, "***") == {
        "A": {"Name": "cn-hangzhou-less"},
        "B": {"Name": "b", "Of": "id-1"},
    }


def test_a_property_of_what_is_not_made_yet_is_shown_as_it_is_written() -> None:
    resolved = resolve({"A": box("a"), "B": box("b", Of={"Ref": "A"})}, {"Wanted": "less"})
    assert preview_properties(resolved, TYPES, Known(), "***")["B"] == {"Name": "b", "Of": {"Ref": "A"}}


def test_what_is_never_shown_is_not_shown_by_a_preview_either() -> None:
    resolved = resolve({"A": box({"Fn::Join": ["", ["<", {"Ref": "Secret"}, ">"]]})}, {"Wanted": "less"})
    assert preview_properties(resolved, TYPES, Known(), "***") == {"A": {"Name": "<***>"}}


def test_a_resource_without_its_condition_is_not_previewed() -> None:
    resources = {"A": {**box("a"), "Condition": "More"}, "B": box("b")}
    assert list(preview_properties(resolve(resources, {"Wanted": "less"}), TYPES, Known(), "")) == ["B"]
    assert list(preview_properties(resolve(resources, {"Wanted": "more"}), TYPES, Known(), "")) == ["A", "B"]


@pytest.mark.parametrize("wrong", [{"Name": "a", "Colour": "red"}, {"Of": "a"}, {"Name": ["a"]}])
def test_properties_that_a_creation_would_refuse_are_refused_by_a_preview(wrong: dict[str, object]) -> None:
    resolved = resolve({"A": {"Type": "T::Box", "Properties": wrong}}, {"Wanted": "less"})
    with pytest.raises(TemplateError, match=r"Resources\.A: "):
        preview_properties(resolved, TYPES, Known(), "")
