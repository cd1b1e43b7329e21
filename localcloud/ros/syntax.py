"""How a template writes functions: what is a call, and what a value refers to. Source: ROS user guide, "Functions"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.ros.errors import TemplateError

PSEUDO_PREFIX = "ALIYUN::"  # of the parameters that ROS itself supplies
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its argument, as it is written."""

    function: str  # Ref, or with its prefix: Fn::Join
    argument: object


@dataclass(frozen=True, slots=True)
class Reference:
    """What Ref, Fn::GetAtt or a variable of Fn::Sub points to.

    Attributes:
        name: of a parameter or a resource.
        attribute: of the resource; None: the parameter's value or the resource's id.
        place: where it stands, `Resources.Bucket.Properties.Name`.
    """

    name: str
    attribute: object | None
    place: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A `${name}` in the text of Fn::Sub."""

    name: str


def read_call(value: object, place: str) -> Call | None:
    """Return the call that a value is, or None when it is plain data.

    Args:
        value: any value of a template.
        place: where it stands, for errors.

    Raises:
        TemplateError: a function does not stand alone in its mapping.
    """
    if not isinstance(value, dict):
        return None
    functions = [key for key in value if key.startswith("Fn::") or key == "Ref"]
    if len(value) == 1 and functions:
        return Call(functions[0], value[functions[0]])
    if astray := [key for key in functions if key != "Ref"]:
        raise TemplateError(f"{place}: {astray[0]} has to be the only key of its mapping")
    return None


def read_get_att(argument: object, place: str) -> tuple[str, object]:
    """Return the resource's name and the attribute (a name or a call) that Fn::GetAtt asks for.

    Raises:
        TemplateError: it is neither `[resource, attribute]` nor `resource.attribute`.
    """
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[0], str):
        raise TemplateError(f"{place}: Fn::GetAtt takes [resource, attribute], got {argument!r}")
    return parts[0], parts[1]


def read_sub(argument: object, place: str) -> tuple[tuple[str | Variable, ...], dict[str, object]]:
    """Return the pieces of Fn::Sub's text, and the values of the variables that it defines itself.

    `${!name}` is the text `${name}`.

    Raises:
        TemplateError: it is neither a text nor `[text, mapping]`.
    """
    text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(own, dict):
        raise TemplateError(f"{place}: Fn::Sub takes a text or [text, variables], got {argument!r}")
    pieces: list[str | Variable] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        name = match[1].strip()
        pieces.append(text[end : match.start()])
        pieces.append("${" + name[1:].strip() + "}" if name.startswith("!") else Variable(name))
        end = match.end()
    pieces.append(text[end:])
    return tuple(pieces), own


def split_variable(name: str) -> tuple[str, str | None]:
    """Return the parameter or resource and the attribute that a variable of Fn::Sub names: `Bucket.Name` is an attribute."""
    owner, dot, attribute = name.partition(".")
    return owner, attribute if dot else None


def references(value: object, place: str) -> Iterator[Reference]:
    """Yield what a value refers to, however deep in it.

    Args:
        value: any value of a template.
        place: where it stands.

    Raises:
        TemplateError: Ref, Fn::GetAtt or Fn::Sub is not well formed.
    """
    call = read_call(value, place)
    if call is not None:
        yield from _references_of_call(call, f"{place}.{call.function}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from references(each, f"{place}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from references(each, f"{place}[{index}]")


def _references_of_call(call: Call, place: str) -> Iterator[Reference]:
    match call.function:
        case "Ref":
            if not isinstance(call.argument, str):
                raise TemplateError(f"{place}: Ref takes the name of a parameter or resource, got {call.argument!r}")
            yield Reference(call.argument, None, place)
        case "Fn::GetAtt":
            name, attribute = read_get_att(call.argument, place)
            yield Reference(name, attribute, place)
            yield from references(attribute, place)
        case "Fn::Sub":
            pieces, own = read_sub(call.argument, place)
            for piece in pieces:
                if isinstance(piece, Variable) and piece.name not in own:
                    yield Reference(*split_variable(piece.name), place)
            yield from references(own, place)
        case _:
            yield from references(call.argument, place)
