"""Conditions and rules: what holds for the parameters that were given. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import Rule
from localcloud.ros.template.functions.evaluate import function_of, is_true
from localcloud.ros.template.functions.scope import Scope, Truth
from localcloud.ros.template.graph import check_acyclic

TAKE_CONDITIONS = frozenset({"Fn::And", "Fn::Or", "Fn::Not", "Fn::If"})


def resolve_conditions(conditions: Mapping[str, object], scope: Scope) -> dict[str, Truth]:
    """Return which conditions hold.

    Args:
        conditions: the section of the template.
        scope: parameters and mappings; its own conditions are not used.

    Raises:
        TemplateError: one is not a condition, is unknown, or depends on itself.
    """
    requires = {name: set(_names(value)) & conditions.keys() for name, value in conditions.items()}
    check_acyclic(requires)
    found: dict[str, Truth] = {}
    for name in TopologicalSorter(requires).static_order():
        try:
            found[name] = is_true(conditions[name], replace(scope, conditions=found))
        except TemplateError as error:
            raise TemplateError(f"Conditions.{name}: {error.message}") from None
    return found


def check_rules(rules: Mapping[str, Rule], scope: Scope) -> None:
    """Check that the parameters fulfil the rules ("Rules").

    Args:
        rules: the section of the template.
        scope: parameters, mappings and conditions.

    Raises:
        TemplateError: an assertion does not hold; the message is its AssertDescription.
    """
    for name, rule in rules.items():
        try:
            if rule.condition is not None and not is_true(rule.condition, scope):
                continue
            broken = [each for each in rule.assertions if not is_true(each.assertion, scope)]
        except TemplateError as error:
            raise TemplateError(f"Rules.{name}: {error.message}") from None
        if broken:
            raise TemplateError(f"Rules.{name}: {broken[0].description or 'an assertion does not hold'}")


def _names(value: object) -> Iterator[str]:
    """Yield what may be names of other conditions: every text in a place where a function takes conditions."""
    if isinstance(value, dict):
        function = function_of(value)
        if function in TAKE_CONDITIONS or value.keys() == {"Condition"}:
            (argument,) = value.values()
            yield from (
                each for each in (argument if isinstance(argument, list) else [argument]) if isinstance(each, str)
            )
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)
