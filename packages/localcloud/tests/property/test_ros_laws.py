"""Laws of templates: their notations, their graph and their functions, for any values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from graphlib import TopologicalSorter
from typing import Any

import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.conditions import resolve_conditions
from localcloud.ros.template.document import Template, parse_template
from localcloud.ros.template.functions.evaluate import evaluate
from localcloud.ros.template.functions.scope import UNKNOWN, Scope, holds_unknown
from localcloud.ros.template.graph import check_acyclic, dependencies

SECRET = "correct-horse"
FUNCTIONS = [
    *("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::FindInMap", "Fn::GetStackOutput", "Fn::FormatTime", "Fn::And"),
    *("Fn::Or", "Fn::Not", "Fn::Str", "Fn::Base64Encode", "Fn::Base64Decode", "Fn::Join", "Fn::Select", "Fn::Replace"),
    *("Fn::Split", "Fn::Equals", "Fn::Index", "Fn::Length", "Fn::ListMerge", "Fn::GetJsonValue", "Fn::MergeMapToList"),
    *("Fn::Avg", "Fn::SelectMapList", "Fn::Add", "Fn::Calculate", "Fn::Max", "Fn::Min", "Fn::Any", "Fn::Contains"),
    *("Fn::EachMemberIn", "Fn::MatchPattern", "Fn::Indent", "Fn::Cidr", "Fn::MemberListToMap", "Fn::MergeMap"),
]
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAME = st.sampled_from(["A", "B", "C", "D"])
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT
KEY = TEXT.filter(lambda key: key != "Ref" and not key.startswith("Fn::"))
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4), max_leaves=8
)
TYPICAL = st.sampled_from(
    [
        "",
        "-",
        "0",
        "1:2",
        "::0",
        "Yes",
        "{0}/{1}",
        "1.5*2",
        "9**9",
        "10.0.0.0/8",
        "%Y",
        "UTC",
        "(",
        "${A} ${A.b} ${!x}",
        "e30=",
    ]
)
ARGUMENT = st.recursive(
    SCALAR | TYPICAL | st.sampled_from([{"Ref": "Secret"}, {"Ref": "Later"}, {"Ref": "ALIYUN::NoValue"}]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT, inner, max_size=3)
        | st.builds(lambda name, argument: {name: argument}, st.sampled_from(FUNCTIONS), inner)
    ),
    max_leaves=8,
)


class Resources:
    """One resource that is not made yet; and nothing else."""

    def reference(self, logical_id: str) -> object:
        if logical_id == "Later":
            return UNKNOWN
        raise TemplateError("no such resource")

    def attribute(self, logical_id: str, name: str) -> object:
        raise TemplateError("no such attribute")

    def stack_output(self, stack: str, key: str) -> object:
        raise TemplateError("no such output")


SCOPE = Scope(values={"Secret": SECRET}, mappings={}, conditions={"Yes": True, "No": False}, resources=Resources())


def said_by(action: Callable[[], None]) -> str:
    """Return the message of the template error that an action ends with; empty: it ends well."""
    try:
        action()
    except TemplateError as error:
        return error.message
    return ""


def document(**sections: Any) -> dict[str, Any]:
    return {"ROSTemplateFormatVersion": "2015-09-01", **sections}


def template_of(needs: Mapping[str, set[str]]) -> Template:
    """Return a template whose resources refer to each other in turn by Ref, Fn::Sub, Fn::GetAtt and DependsOn."""
    resources: dict[str, Any] = {}
    for name, others in needs.items():
        declared: dict[str, Any] = {"Type": "T", "Properties": {}, "DependsOn": []}
        for kind, other in enumerate(sorted(others)):
            if kind % 4 == 3:
                declared["DependsOn"].append(other)
            else:
                ways: list[object] = [{"Ref": other}, {"Fn::Sub": f"${{{other}.x}}"}, {"Fn::GetAtt": [other, "x"]}]
                declared["Properties"][f"P{kind}"] = [ways[kind % 4]]
        resources[name] = declared
    return parse_template(json.dumps(document(Resources=resources)))


@given(st.dictionaries(NAME, st.dictionaries(TEXT, JSON, max_size=3), max_size=3), JSON)
def test_json_and_yaml_spell_the_same_template(properties: dict[str, dict[str, Any]], output: object) -> None:
    resources = {name: {"Type": "T", "Properties": each} for name, each in properties.items()}
    spelt = document(Resources=resources, Outputs={"O": {"Value": output}})
    assert parse_template(yaml.safe_dump(spelt)) == parse_template(json.dumps(spelt))


@given(st.text(max_size=60) | st.builds(json.dumps, JSON) | st.builds(lambda value: yaml.safe_dump(value), JSON))
@example("&a [*a]")
@example("a: !Sub {a: !x b}")
def test_any_text_is_a_template_or_an_error_that_says_so(text: str) -> None:
    for whole in (text, f"ROSTemplateFormatVersion: 2015-09-01\nResources: {text}"):
        with suppress(TemplateError):
            assert isinstance(parse_template(whole), Template)


@given(st.dictionaries(NAME, st.sets(NAME), min_size=4, max_size=4))
def test_an_order_respects_every_need_or_a_real_circle_is_named(needs: dict[str, set[str]]) -> None:
    requires = dependencies(template_of(needs), {}, ())
    assert requires == {name: frozenset(others) for name, others in needs.items()}
    message = said_by(lambda: check_acyclic(requires))
    if message:
        circle = message.rpartition(": ")[2].split(" -> ")
        assert circle[0] == circle[-1]
        assert all(later in needs[earlier] for earlier, later in itertools.pairwise(circle))
    else:
        order = list(TopologicalSorter(requires).static_order())
        assert all(order.index(other) < order.index(name) for name, others in needs.items() for other in others)


@given(st.dictionaries(NAME, JSON, max_size=3))
def test_a_value_without_functions_stays_as_it_is(value: dict[str, Any]) -> None:
    assert evaluate(value, SCOPE) == value


@given(st.text("-;", min_size=1, max_size=2), st.lists(st.text("ab", max_size=3), min_size=1, max_size=4))
def test_split_inverts_join(delimiter: str, items: list[str]) -> None:
    joined = {"Fn::Join": [delimiter, items]}
    assert evaluate({"Fn::Split": [delimiter, joined]}, SCOPE) == items


@given(TEXT)
def test_base64_goes_there_and_back(text: str) -> None:
    assert evaluate({"Fn::Base64Decode": {"Fn::Base64Encode": text}}, SCOPE) == text


@given(TEXT)
def test_sub_leaves_text_without_variables_alone(text: str) -> None:
    assume("${" not in text)
    assert evaluate({"Fn::Sub": text}, SCOPE) == text


@settings(max_examples=400)
@given(st.sampled_from(FUNCTIONS), ARGUMENT)
@example("Fn::GetStackOutput", ["", "", {"Ref": "Secret"}])
@example("Fn::FindInMap", [{"Ref": "Secret"}, "", ""])
@example("Fn::FindInMap", [{"Ref": "ALIYUN::NoValue"}, "", ""])
@example("Fn::Sub", ["${a} ${ALIYUN::NoValue}", {"a": {"Ref": "ALIYUN::NoValue"}}])
def test_a_function_gives_json_or_says_what_is_wrong_without_telling_secrets(function: str, argument: object) -> None:
    def check() -> None:
        result = evaluate({function: argument}, SCOPE)
        assert holds_unknown(result) or json.dumps(result, allow_nan=False)

    assert SECRET not in said_by(check)


@given(st.dictionaries(NAME, ARGUMENT, max_size=3), st.dictionaries(NAME, ARGUMENT, max_size=3))
def test_any_references_and_conditions_are_resolved_or_refused(
    properties: dict[str, Any], conditions: dict[str, Any]
) -> None:
    text = json.dumps(document(Conditions=conditions, Resources={"R": {"Type": "T", "Properties": properties}}))

    def check() -> None:
        template = parse_template(text)
        held = resolve_conditions(template.conditions, SCOPE)
        assert held.keys() == conditions.keys()
        assert dependencies(template, {name: each is True for name, each in held.items()}, SCOPE.values).keys() == {"R"}

    assert SECRET not in said_by(check)
