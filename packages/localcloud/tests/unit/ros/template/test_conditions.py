"""Conditions that hold and rules that are broken, for given parameters."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.conditions import check_rules, resolve_conditions
from localcloud.ros.template.document import Assertion, Rule
from localcloud.ros.template.functions.scope import Scope


class Nothing:
    """Conditions are resolved before there are resources."""

    def reference(self, logical_id: str) -> object:
        raise TemplateError(f"there is no parameter {logical_id}")

    def attribute(self, logical_id: str, name: str) -> object:
        raise AssertionError

    def stack_output(self, stack: str, key: str) -> object:
        raise AssertionError


def scope(**values: object) -> Scope:
    return Scope(values=values, mappings={"Sizes": {"a": {"big": True}}}, conditions={}, resources=Nothing())


def test_conditions_refer_to_each_other_in_any_order() -> None:
    conditions = {
        "Prod": {"Fn::And": [{"Fn::Equals": ["prod", {"Ref": "Env"}]}, "NotPre"]},
        "NotPre": {"Fn::Not": {"Fn::Or": ["Dev", "Test"]}},
        "Dev": {"Fn::Equals": ["dev", {"Ref": "Env"}]},
        "Test": {"Fn::Equals": ["test", {"Ref": "Env"}]},
        "Same": {"Fn::Not": [{"Condition": "Prod"}]},
        "Big": {"Fn::FindInMap": ["Sizes", "a", "big"]},
        "Chosen": {"Fn::Equals": [{"Fn::If": ["Prod", "x", "y"]}, "x"]},
    }
    assert resolve_conditions(conditions, scope(Env="prod")) == {
        "Prod": True,
        "NotPre": True,
        "Dev": False,
        "Test": False,
        "Same": False,
        "Big": True,
        "Chosen": True,
    }


def test_each_condition_is_resolved_once() -> None:
    """Without that, these would take 2 ** 200 steps; and a chain is no deep recursion."""
    conditions: dict[str, object] = {"C0": {"Fn::Equals": [1, 1]}}
    conditions |= {f"C{n}": {"Fn::And": [f"C{n - 1}", f"C{n - 1}"]} for n in range(1, 2000)}
    assert all(resolve_conditions(dict(reversed(conditions.items())), scope()).values())


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"A": {"Fn::Not": "B"}, "B": {"Fn::Not": "A"}}, "Circular Dependency Found: A -> B -> A"),
        ({"A": {"Fn::Not": {"Condition": "A"}}}, "Circular Dependency Found: A -> A"),
        ({"A": {"Fn::Not": "Nobody"}}, "Conditions.A: the condition Nobody is not defined in Conditions"),
        ({"A": {"Fn::Equals": [{"Ref": "Bucket"}, 1]}}, "Conditions.A: there is no parameter Bucket"),
        ({"A": {"Fn::Join": ["", ["true"]]}}, "Conditions.A: not a condition"),
        ({"A": 1}, "Conditions.A: not a condition: 1"),
    ],
)
def test_what_is_no_condition_is_refused(conditions: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        resolve_conditions(conditions, scope(Env="prod"))
    assert words in refused.value.message


RULES = {
    "PublicNet": Rule(
        condition={"Fn::Equals": [{"Ref": "Environment"}, "prod"]},
        assertions=(
            Assertion(assertion={"Fn::Contains": [["prod", "pre"], {"Ref": "Environment"}]}),
            Assertion(assertion={"Fn::Equals": [{"Ref": "Bandwidth"}, 0]}, description="stay inside"),
        ),
    )
}


@pytest.mark.parametrize(("environment", "bandwidth"), [("prod", 0), ("pre", 5)])
def test_rules_that_hold_or_do_not_apply_say_nothing(environment: str, bandwidth: int) -> None:
    check_rules(RULES, scope(Environment=environment, Bandwidth=bandwidth))


def test_a_broken_rule_gives_its_description() -> None:
    with pytest.raises(TemplateError) as refused:
        check_rules(RULES, scope(Environment="prod", Bandwidth=5))
    assert refused.value.message == "Rules.PublicNet: stay inside"


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        ({"Fn::Equals": [1, 2]}, "an assertion does not hold"),
        ({"Fn::Equals": [1]}, "Fn::Equals: needs a list of 2 values"),
    ],
)
def test_a_rule_without_condition_always_applies(assertion: object, words: str) -> None:
    with pytest.raises(TemplateError, match=r"^.*Rules\.R: ") as refused:
        check_rules({"R": Rule(condition=None, assertions=(Assertion(assertion=assertion),))}, scope())
    assert words in refused.value.message
