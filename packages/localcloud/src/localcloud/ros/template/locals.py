"""Local variables: each takes the place of the references to it, as it is written (Macro) or evaluated (Eval). Pure.

Source: ROS, "Locals".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import check_value
from localcloud.ros.template.document import Template, Value
from localcloud.ros.template.functions.evaluate import evaluate
from localcloud.ros.template.functions.scope import Scope
from localcloud.ros.template.graph import check_acyclic

MAX_LEVELS = 5  # of locals that refer to locals; ROS, "Locals"


def substitute_locals(template: Template, scope: Scope) -> Template:
    """Return a template in which nothing refers to a local variable any more.

    Args:
        template: with its locals.
        scope: the values of its parameters.

    Raises:
        TemplateError: a local cannot be evaluated, needs itself, or stands for too much.
    """
    if not template.locals:
        return template
    values: dict[str, object] = {}
    for name in _order(template):
        local = template.locals[name]
        values[name] = _substitute(local.value, values)
        check_value(values[name], f"Locals.{name}")
        if local.evaluated:
            try:
                values[name] = evaluate(values[name], scope)
            except TemplateError as error:
                raise TemplateError(f"Locals.{name}: {error.message}") from None

    def swap(value: Value, place: str) -> Value:
        swapped = _substitute(value, values)
        check_value(swapped, place)
        return swapped

    return replace(
        template,
        conditions={name: swap(each, f"Conditions.{name}") for name, each in template.conditions.items()},
        rules={
            name: replace(
                rule,
                condition=swap(rule.condition, f"Rules.{name}"),
                assertions=tuple(
                    replace(each, assertion=swap(each.assertion, f"Rules.{name}")) for each in rule.assertions
                ),
            )
            for name, rule in template.rules.items()
        },
        resources={
            name: replace(
                each,
                properties=swap(each.properties, f"Resources.{name}"),
                count=swap(each.count, f"Resources.{name}.Count"),
            )
            for name, each in template.resources.items()
        },
        outputs={
            name: replace(each, value=swap(each.value, f"Outputs.{name}")) for name, each in template.outputs.items()
        },
    )


def _order(template: Template) -> list[str]:
    needs = {name: _names(each.value) & template.locals.keys() for name, each in template.locals.items()}
    check_acyclic(needs)
    order, levels = list(TopologicalSorter(needs).static_order()), dict[str, int]()
    for name in order:
        levels[name] = 1 + max((levels[each] for each in needs[name]), default=0)
        if levels[name] > MAX_LEVELS:
            raise TemplateError(f"Locals.{name}: refers to locals over more than {MAX_LEVELS} levels")
    return order


def _names(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_names, value))
    if not isinstance(value, Mapping):
        return set()
    if value.keys() == {"Ref"} and isinstance(value["Ref"], str):
        return {value["Ref"]}
    return set().union(*map(_names, value.values()))


def _substitute(value: object, values: Mapping[str, object]) -> object:
    if isinstance(value, list):
        return [_substitute(each, values) for each in value]
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"Ref"} and isinstance(value["Ref"], str) and value["Ref"] in values:
        return values[value["Ref"]]
    return {key: _substitute(each, values) for key, each in value.items()}
