"""Resources with a Count: each becomes as many as it says, and what refers to it refers to all of them. Pure.

Source: ROS, "Resources", "Count".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import MAX_RESOURCES, Declaration, Template, Value, check_count
from localcloud.ros.template.functions.evaluate import evaluate
from localcloud.ros.template.functions.scope import UNKNOWN, Scope

INDEX = "ALIYUN::Index"
Names = Mapping[str, Sequence[str]]  # of the resources that one with a Count has become


def expand_counts(template: Template, scope: Scope) -> Template:
    """Return a template in which no resource has a Count.

    Args:
        template: with what its resources declare.
        scope: parameters, mappings and conditions.

    Raises:
        TemplateError: a Count is not a natural number, or there are too many resources. One that is unknown is taken for 1.
    """
    names = {
        name: [f"{name}[{index}]" for index in range(_count(name, each.count, scope))]
        for name, each in template.resources.items()
        if each.count is not None
    }
    if not names:
        return template
    resources: dict[str, Declaration] = {}
    for name, each in template.resources.items():
        depends = tuple(one for other in each.depends_on for one in names.get(other, (other,)))
        for index, made in enumerate(names.get(name, (name,))):
            properties = _expand(each.properties, names, index if name in names else None)
            resources[made] = replace(each, properties=properties, depends_on=depends, count=None)
        check_count(len(resources))
    outputs = {name: replace(each, value=_expand(each.value, names, None)) for name, each in template.outputs.items()}
    return replace(template, resources=resources, outputs=outputs)


def _count(name: str, written: object, scope: Scope) -> int:
    try:
        value = evaluate(written, scope)
    except TemplateError as error:
        raise TemplateError(f"Resources.{name}.Count: {error.message}") from None
    if value is UNKNOWN:
        return 1
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_RESOURCES:
        raise TemplateError(f"Resources.{name}.Count: must be a whole number from 0 to {MAX_RESOURCES}")
    return value


def _expand(value: Value, names: Names, index: int | None) -> Value:
    """Return a value that refers to the resources there will be.

    Args:
        value: of the template.
        names: of the resources that take the place of one.
        index: that of the resource that the value belongs to; None: it has none.
    """
    if isinstance(value, list):
        return [_expand(each, names, index) for each in value]
    if not isinstance(value, Mapping):
        return value
    match value:
        case {"Ref": "ALIYUN::Index"} if index is not None:
            return index
        case {"Ref": str(name)} if name in names:
            return [{"Ref": each} for each in names[name]]
        case {"Fn::GetAtt": [str(name), attribute]} if name in names:
            return [{"Fn::GetAtt": [each, _expand(attribute, names, index)]} for each in names[name]]
        case {"Fn::Sub": argument} if index is not None:
            return {"Fn::Sub": _number(_expand(argument, names, index), index)}
        case {"Fn::Select": [which, {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]} as listed]} if name in names:
            return _select(_expand(which, names, index), _expand(listed, names, index))
    return {key: _expand(each, names, index) for key, each in value.items()}


def _number(argument: Value, index: int) -> Value:
    """Return the argument of Fn::Sub with the resource's index in its text."""
    if isinstance(argument, list) and argument:
        return [_number(argument[0], index), *argument[1:]]
    return argument.replace(f"${{{INDEX}}}", str(index)) if isinstance(argument, str) else argument


def _select(which: Value, listed: list[Value]) -> Value:
    """Return the one resource that is selected, so that no other is waited for."""
    number = int(which) if isinstance(which, str) and which.isascii() and which.isdecimal() else which
    if isinstance(number, int) and 0 <= number < len(listed):
        return listed[number]
    return {"Fn::Select": [which, listed]}
