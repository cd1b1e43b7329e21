"""Parameters: what was given for a template, checked against what the template declares.

Source: ROS, "Parameters". Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.document import Parameter, Template
from localcloud.ros.template.functions.scope import UNKNOWN
from localcloud.ros.template.notation import parse_text


def resolve_parameters(template: Template, given: Mapping[str, str]) -> dict[str, object]:
    """Return the value of each parameter, converted to its type.

    Args:
        template: declares them.
        given: the values as texts, as the API takes them.

    Raises:
        TemplateError: one is missing, unknown, or against its constraints.
    """
    if unknown := sorted(set(given) - set(template.parameters)):
        raise TemplateError(f"The Parameter ({unknown[0]}) was not defined in template.", code="UnknownUserParameter")
    values = {}
    for name, parameter in template.parameters.items():
        if name in given:
            values[name] = _check(name, parameter, _convert(name, parameter, given[name]))
        elif parameter.optional:
            values[name] = _default(name, parameter)
        else:
            raise TemplateError(f"The Parameter {name} was not provided.", code="UserParameterMissing")
    return values


def stand_ins(template: Template) -> dict[str, object]:
    """Return defaults, and for parameters that have none, or null, that they are unknown: enough to check a template alone.

    Raises:
        TemplateError: a default is against the parameter's own constraints.
    """
    return {
        name: UNKNOWN if parameter.default is None else _default(name, parameter)
        for name, parameter in template.parameters.items()
    }


def _default(name: str, parameter: Parameter) -> object:
    """Return a default, which is held to the parameter's constraints unless it is null."""
    if parameter.default is None:
        return None
    return _check(name, parameter, _convert(name, parameter, parameter.default))


def _convert(name: str, parameter: Parameter, value: object) -> object:
    try:
        return _CONVERTERS.get(parameter.type, _to_text)(value)
    except (ValueError, TypeError, TemplateError):
        shown = "it" if parameter.no_echo else f"`{value}`"
        raise TemplateError(f"Parameter '{name}' is invalid: {shown} is not a {parameter.type}.") from None


def _to_number(value: object) -> object:
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError
    return int(str(value)) if re.fullmatch(r"[+-]?\d+", str(value)) else number


def _to_boolean(value: object) -> object:
    text = str(value).lower()
    if text in {"true", "1", "yes", "on", "y", "t"}:
        return True
    if text in {"false", "0", "no", "off", "n", "f"}:
        return False
    raise ValueError


def _to_json(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        return parse_text(value)
    if not isinstance(value, dict | list):
        raise ValueError
    return value


def _to_list(value: object) -> object:
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _to_text(value: object) -> object:
    return value if isinstance(value, str) else json.dumps(value)


_CONVERTERS = {"Number": _to_number, "Boolean": _to_boolean, "Json": _to_json, "CommaDelimitedList": _to_list}


def _check(name: str, parameter: Parameter, value: object) -> object:
    for each in value if parameter.type == "CommaDelimitedList" and isinstance(value, list) else [value]:
        if reason := objection(parameter, each):
            told = f" {parameter.constraint}" if parameter.constraint else ""
            shown = "it " if parameter.no_echo else f"`{each}` "
            raise TemplateError(f"Parameter '{name}' is invalid: {shown}{reason}.{told}")
    return value


def objection(parameter: Parameter, value: object) -> str:
    """Return what a parameter's constraints have against a value; empty: nothing."""
    allowed = [str(each) for each in parameter.allowed_values]
    if allowed and str(value) not in allowed and not (isinstance(value, bool) and str(value).lower() in allowed):
        return f"is not one of the allowed values {', '.join(allowed)}"
    if parameter.allowed_pattern and not re.fullmatch(parameter.allowed_pattern, str(value)):
        return f"does not match the pattern {parameter.allowed_pattern}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _out_of_range(float(value), "", parameter.min_value, parameter.max_value)
    if isinstance(value, str | list | dict):
        return _out_of_range(len(value), "has a length that ", parameter.min_length, parameter.max_length)
    return ""


def _out_of_range(value: float, prefix: str, least: float | None, most: float | None) -> str:
    if least is not None and value < least:
        return f"{prefix}is less than {least:g}"
    if most is not None and value > most:
        return f"{prefix}is more than {most:g}"
    return ""
