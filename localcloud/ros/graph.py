"""Which resource needs which: by Ref, Fn::GetAtt, Fn::Sub and DependsOn. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from localcloud.ros.document import Template
from localcloud.ros.errors import TemplateError
from localcloud.ros.functions import function_of, substitution_names


def dependencies(template: Template, active: Collection[str], values: Collection[str]) -> dict[str, frozenset[str]]:
    """Return for each active resource the active resources that it needs.

    Args:
        template: declares them.
        active: the resources whose conditions hold.
        values: the names of parameters and pseudo parameters.

    Raises:
        TemplateError: something refers to what the template does not have; the message names place and name.
    """
    found = {}
    for name, declaration in template.resources.items():
        place = f"Resources.{name}"
        needed = set(_references(declaration.properties, f"{place}.Properties", template, values))
        for other in declaration.depends_on:
            _check(other, f"{place}.DependsOn", template)
            needed.add(other)
        if name in active:
            found[name] = frozenset(needed & set(active))
    for name, output in template.outputs.items():
        for _ in _references(output.value, f"Outputs.{name}.Value", template, values):
            pass  # names that do not exist are refused
    return found


def check_acyclic(requires: Mapping[str, Collection[str]]) -> None:
    """Refuse a circle.

    Raises:
        TemplateError: the message names the circle.
    """
    try:
        TopologicalSorter(requires).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise TemplateError(f"Circular Dependency Found: {circle}") from error


def _references(value: object, place: str, template: Template, values: Collection[str]) -> Iterator[str]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _references(each, f"{place}[{number}]", template, values)
        return
    if not isinstance(value, Mapping):
        return
    function = function_of(value)
    argument = value[function] if function else None
    own: Collection[str] = ()
    names: list[str] = []
    if function == "Ref":
        names = [str(argument)]
    elif function == "Fn::GetAtt" and isinstance(argument, list) and argument and isinstance(argument[0], str):
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
    for key, each in value.items():
        yield from _references(each, place if function else f"{place}.{key}", template, values)


def _check(name: str, place: str, template: Template) -> None:
    if name not in template.resources:
        raise TemplateError(f"{place}: The Resource or Parameter ({name}) could not be found in template.")
