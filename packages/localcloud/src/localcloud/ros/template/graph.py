"""The graph of resources, which need each other by Ref, Fn::GetAtt, Fn::Sub and DependsOn. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import Template
from localcloud.ros.template.functions.evaluate import function_of, substitution_names


def dependencies(
    template: Template, conditions: Mapping[str, bool], values: Collection[str]
) -> dict[str, frozenset[str]]:
    """Return for each resource whose condition holds those that have to exist before it.

    DependsOn a resource whose condition does not hold is nothing to wait for; to refer to one is an error.

    Args:
        template: declares them.
        conditions: whether each of its conditions holds.
        values: the names of parameters and pseudo parameters.

    Raises:
        TemplateError: something refers to what the template does not have; the message names place and name.
    """
    active = {name for name, each in template.resources.items() if not each.condition or conditions[each.condition]}
    found = {}
    for name, declaration in template.resources.items():
        place = f"Resources.{name}"
        for other in declaration.depends_on:
            _check(other, f"{place}.DependsOn", template)
        needed = _needed(declaration.properties, f"{place}.Properties", template, values, conditions)
        if name in active:
            _refuse_absent(needed - active, f"{place}.Properties")
            found[name] = frozenset((needed | set(declaration.depends_on)) & active)
    for name, output in template.outputs.items():
        needed = _needed(output.value, f"Outputs.{name}.Value", template, values, conditions)
        if not output.condition or conditions[output.condition]:
            _refuse_absent(needed - active, f"Outputs.{name}.Value")
    return found


def check_acyclic(requires: Mapping[str, Collection[str]]) -> None:
    """Refuse a circle.

    Raises:
        TemplateError: the message names the circle.
    """
    try:
        TopologicalSorter({name: sorted(needs) for name, needs in requires.items()}).prepare()
    except CycleError as error:
        circle = error.args[1][-2::-1]  # each needs the next; graphlib lists them backwards, the first one twice
        first = circle.index(min(circle))
        names = " -> ".join([*circle[first:], *circle[: first + 1]])
        raise TemplateError(f"Circular Dependency Found: {names}", code="CircularDependency") from None


def _needed(
    value: object, place: str, template: Template, values: Collection[str], conditions: Mapping[str, bool]
) -> set[str]:
    """Return the resources that a value needs; names that do not exist are refused in branches that are not taken, too."""
    for _ in _references(value, place, template, values):
        pass
    return set(_references(value, place, template, values, conditions))


def _references(
    value: object,
    place: str,
    template: Template,
    values: Collection[str],
    conditions: Mapping[str, bool] | None = None,
) -> Iterator[str]:
    """Yield the resources that a value refers to; with conditions, of each Fn::If only in the branch that is taken."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _references(each, f"{place}[{number}]", template, values, conditions)
        return
    if not isinstance(value, Mapping):
        return
    try:
        function = function_of(value)
    except TemplateError as error:
        raise TemplateError(f"{place}: {error.message}") from None
    argument = value[function] if function else None
    own: Collection[str] = ()
    names: list[str] = []
    if function == "Ref":
        names = [str(argument)]
    elif function == "Fn::GetAtt":
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            raise TemplateError(f"{place}: Fn::GetAtt: needs [resource, attribute]")
        _check(argument[0], place, template)
        yield argument[0]
    elif function == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) and argument else argument
        own = argument[1] if isinstance(argument, list) and len(argument) > 1 and isinstance(argument[1], dict) else ()
        names = substitution_names(text) if isinstance(text, str) else []
    for name in names:
        if name in values or name in own or name == "ALIYUN::NoValue":
            continue
        resource = name.partition(".")[0] if function == "Fn::Sub" and name not in template.resources else name
        _check(resource, place, template)
        yield resource
    if function == "Fn::If" and conditions is not None:
        value = {function: _taken(argument, place, conditions)}
    for key, each in value.items():
        yield from _references(each, place if function else f"{place}.{key}", template, values, conditions)


def _taken(argument: object, place: str, conditions: Mapping[str, bool]) -> object:
    """Return the branch of an Fn::If that is taken, or all of it when that hangs on more than the name of a condition."""
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        return argument
    if argument[0] not in conditions:
        raise TemplateError(f"{place}: the condition {argument[0]} is not defined in Conditions")
    return argument[1] if conditions[argument[0]] else argument[2]


def _check(name: str, place: str, template: Template) -> None:
    if name not in template.resources:
        raise TemplateError(
            f"{place}: The Resource or Parameter ({name}) could not be found in template.",
            code="InvalidTemplateReference",
        )


def _refuse_absent(names: Collection[str], place: str) -> None:
    if names:
        raise TemplateError(
            f"{place}: refers to {min(names)}, whose Condition does not hold", code="InvalidTemplateReference"
        )
