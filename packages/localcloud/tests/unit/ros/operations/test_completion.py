"""What ROS adds to the properties that a template gives: blanks, and the tags of the stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ros.errors import ResourceError
from localcloud.ros.model import Source
from localcloud.ros.operations.completion import complete_properties
from localcloud.ros.resources.declarations import STACK_TAGS, STRING, TAGS
from localcloud.ros.resources.provider import Declared, Property
from localcloud.ros.resources.schema import check_properties
from localcloud.ros.template.functions.scope import UNKNOWN
from localcloud.ros.template.known import Known
from localcloud.ros.template.resolved import resolve_template

NOTHING = {"Ref": "ALIYUN::NoValue"}
STACK = {"team": "blue", "stage": "test"}


class NotMade(Known):
    """Knows of no resource what it will be."""

    def reference(self, logical_id: str) -> object:
        return UNKNOWN


def complete(properties: dict[str, Any], declared: Declared, tags: dict[str, str] | None = None) -> dict[str, object]:
    resources = {"A": {"Type": "T", "Properties": properties}, "B": {"Type": "T"}}
    text = json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources})
    resolved = resolve_template(Source(template=text, tags=tags or {}), {}, {"T"})
    return complete_properties(resolved, "A", NotMade(), declared)


@pytest.mark.parametrize(
    ("kind", "blank"),
    [("string", ""), ("integer", 0), ("number", 0), ("boolean", False), ("list", []), ("map", {})],
)
def test_a_required_property_that_is_no_value_is_blank_and_an_optional_one_is_left_out(
    kind: str, blank: object
) -> None:
    declared = {"Needed": Property(kind=kind, required=True), "Other": Property(kind=kind)}
    given = complete({"Needed": NOTHING, "Other": NOTHING}, declared)
    assert given == {"Needed": blank}
    assert check_properties(declared, given) == given


def test_what_a_template_does_not_give_at_all_is_missing() -> None:
    declared = {"Needed": Property(kind="string", required=True), "Any": Property(kind="any", required=True)}
    assert complete({}, declared) == {}
    with pytest.raises(ResourceError, match="Property Any: required, but missing"):
        check_properties(declared, complete({"Any": NOTHING, "Needed": NOTHING}, declared))


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"team": "blue", "stage": "test"}),
        ({"Tags": NOTHING}, {"team": "blue", "stage": "test"}),
        ({"Tags": [{"Key": "team", "Value": "red"}, {"Key": "own"}]}, {"team": "red", "own": None, "stage": "test"}),
    ],
)
def test_a_resource_has_its_own_tags_and_those_of_the_stack(own: dict[str, Any], expected: dict[str, Any]) -> None:
    tags: Any = complete(own, {"Tags": STACK_TAGS}, STACK)["Tags"]
    assert [each["Key"] for each in tags] == sorted({each["Key"] for each in tags}, key=[*expected].index)
    assert {each["Key"]: each.get("Value") for each in tags} == expected


def test_tags_may_be_a_map() -> None:
    declared = {"Tags": Property(kind="map", items=STRING, inherits=True)}
    assert complete({"Tags": {"team": "red"}}, declared, STACK) == {"Tags": {"team": "red", "stage": "test"}}
    assert complete({}, declared, STACK) == {"Tags": STACK}


@pytest.mark.parametrize("own", ["a text", {"a": "map"}, {"Ref": "B"}])
def test_tags_that_are_wrong_or_not_known_yet_stay_as_they_are(own: object) -> None:
    given = complete({"Tags": own}, {"Tags": STACK_TAGS}, STACK)
    assert given == {"Tags": UNKNOWN if own == {"Ref": "B"} else own}


def test_without_tags_of_the_stack_or_of_the_type_nothing_is_added() -> None:
    assert complete({}, {"Tags": STACK_TAGS}) == {}
    assert complete({}, {"Tags": TAGS, "Name": STRING}, STACK) == {}
