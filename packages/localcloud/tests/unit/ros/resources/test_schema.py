"""Properties of resources: what is converted, what is refused, and what makes a new resource necessary."""

from __future__ import annotations

import pytest

from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.provider import Property
from localcloud.ros.resources.schema import check_properties, needs_replacement

STRING = Property(kind="string")
KNOWN = {
    "Name": Property(kind="string", required=True, replaces=True, minimum=2, maximum=8),
    "Timeout": Property(kind="integer", minimum=1, maximum=300),
    "Cpu": Property(kind="number"),
    "Force": Property(kind="boolean"),
    "Access": Property(kind="string", choices=("private", "public")),
    "Code": Property(kind="map", fields={"Bucket": Property(kind="string", required=True), "Key": STRING}),
    "Rules": Property(kind="list", minimum=1, items=Property(kind="map", fields={"Days": Property(kind="integer")})),
    "Environment": Property(kind="map", items=STRING),
    "Anything": Property(kind="any"),
    "Vpc": Property(kind="map", supported=()),
    "Concurrency": Property(kind="integer", supported=(1,)),
    "Hdfs": Property(kind="boolean", supported=()),
}


def check(**given: object) -> dict[str, object]:
    return check_properties(KNOWN, {"Name": "name", **given})


@pytest.mark.parametrize(
    ("name", "given", "converted"),
    [
        ("Timeout", "300", 300),
        ("Timeout", 3.0, 3),
        ("Cpu", "0.35", 0.35),
        ("Cpu", 2, 2),
        ("Force", "True", True),
        ("Force", False, False),
        ("Access", "private", "private"),
        ("Environment", {"A": 1, "B": True, "C": "c"}, {"A": "1", "B": "true", "C": "c"}),
        ("Code", {"Bucket": "b"}, {"Bucket": "b"}),
        ("Rules", [{"Days": "7"}], [{"Days": 7}]),
        ("Anything", {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_values_are_converted_to_what_was_asked_for(name: str, given: object, converted: object) -> None:
    value = check(**{name: given})[name]
    assert value == converted
    assert type(value) is type(converted)


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("Timeout", 0, "Property Timeout: 0 is less than 1"),
        ("Timeout", 301, "Property Timeout: 301 is more than 300"),
        ("Timeout", "soon", "Property Timeout: 'soon' is not of the type integer"),
        ("Timeout", 1.5, "Property Timeout: 1.5 is not of the type integer"),
        ("Timeout", True, "Property Timeout: True is not of the type integer"),
        ("Cpu", "nan", "Property Cpu: 'nan' is not of the type number"),
        ("Cpu", [], r"Property Cpu: \[\] is not of the type number"),
        ("Force", 1, "Property Force: 1 is not of the type boolean"),
        ("Name", {}, "Property Name: {} is not of the type string"),
        ("Name", "n", "Property Name: the length 1 is less than 2"),
        ("Name", "too-long-a-name", "Property Name: the length 15 is more than 8"),
        ("Access", "secret", "Property Access: 'secret' is not one of private, public"),
        ("Code", "b", "Property Code: 'b' is not of the type map"),
        ("Code", {"Bucket": "b", "Version": "1"}, "Property Code.Version: unknown; known are Bucket, Key"),
        ("Code", {"Key": "k"}, "Property Code.Bucket: required, but missing"),
        ("Rules", {}, "Property Rules: {} is not of the type list"),
        ("Rules", [], "Property Rules: the length 0 is less than 1"),
        ("Rules", [{"Days": 1}, {"Days": "x"}], r"Property Rules\[1\].Days: 'x' is not of the type integer"),
        ("Environment", {"A": {}}, "Property Environment.A: {} is not of the type string"),
        ("Nmae", "n", "Property Nmae: unknown; known are Access, "),
        ("Vpc", {"VpcId": "vpc-1"}, "Property Vpc: not implemented: Vpc$"),
        ("Hdfs", True, "Property Hdfs: not implemented: Hdfs$"),
        ("Concurrency", 0, "Property Concurrency: not implemented: Concurrency other than 1$"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(name: str, given: object, problem: str) -> None:
    with pytest.raises(ResourceError, match=f"^{problem}"):
        check(**{name: given})


@pytest.mark.parametrize("nothing", [{}, {"VpcId": "", "VSwitchIds": []}, {"A": {"B": False}}, None])
def test_a_property_that_is_not_implemented_may_ask_for_nothing(nothing: object) -> None:
    check(Vpc=nothing, Hdfs=False, Concurrency=1)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ResourceError) as caught:
        check_properties(KNOWN, {"Timeout": 0, "Code": {}, "Other": 1})
    assert str(caught.value).split("; ") == [
        "Property Other: unknown",
        f"known are {', '.join(sorted(KNOWN))}",
        "Property Name: required, but missing",
        "Property Timeout: 0 is less than 1",
        "Property Code.Bucket: required, but missing",
    ]


def test_none_is_the_same_as_not_given() -> None:
    assert check(Timeout=None, Unknown=None) == {"Name": "name"}
    with pytest.raises(ResourceError, match="Property Name: required"):
        check_properties(KNOWN, {"Name": None})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"Name": "a"}, {"Name": "a"}, False),
        ({"Name": "a"}, {"Name": "b"}, True),
        ({"Name": "a"}, {"Name": "a", "Timeout": 3}, False),
        ({"Name": "a", "Timeout": 3}, {"Name": "a"}, False),
    ],
)
def test_only_properties_that_replace_make_a_new_resource(
    before: dict[str, object], after: dict[str, object], expected: bool
) -> None:
    assert needs_replacement(KNOWN, before, after) is expected
