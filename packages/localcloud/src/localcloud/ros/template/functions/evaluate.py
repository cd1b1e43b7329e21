"""Evaluate the functions in a value against parameters, mappings, conditions and resources.

The functions that see these stand here, for they evaluate their arguments themselves; the others are given values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import check_scalar, check_value
from localcloud.ros.template.functions.arguments import Value, arguments, to_text
from localcloud.ros.template.functions.numbers import NUMBERS
from localcloud.ros.template.functions.queries import QUERIES
from localcloud.ros.template.functions.scope import NO_VALUE, UNKNOWN, Scope, Truth, holds_unknown
from localcloud.ros.template.functions.values import VALUES

VARIABLE = re.compile(r"\$\{(!?)([^${}]+)\}")
ELSEWHERE = frozenset({"Fn::MarketplaceImage", "Fn::TransformNamespace"})  # of other products, and of Transform
_OF_VALUES: Mapping[str, Callable[[Any], object]] = {**VALUES, **NUMBERS, **QUERIES}


def evaluate(value: object, scope: Scope) -> Value:
    """Return a value with every function in it replaced by its result.

    A property or an item that is `ALIYUN::NoValue` is left out; where nothing can be left out, it is None.

    Raises:
        TemplateError: a function is unknown, is given what it cannot work with, or makes too much of it. The message tells what the
            template says, never the value of a parameter: it may be a secret.
    """
    result = _evaluate(value, scope)
    check_value(result, "evaluated")
    return None if result is NO_VALUE else result


def function_of(value: Mapping[str, object]) -> str:
    """Return the name of the function that an object calls; empty: it is an ordinary object.

    Raises:
        TemplateError: a function stands beside other keys.
    """
    functions = [name for name in value if name.startswith("Fn::") or (name == "Ref" and len(value) == 1)]
    if functions and len(value) > 1:
        raise TemplateError(f"{functions[0]}: has to be the only key of its object")
    return functions[0] if functions else ""


def is_true(value: object, scope: Scope) -> Truth:
    """Return whether a condition holds; it is unknown when that hangs on what is unknown.

    Args:
        value: the name of a condition, `{"Condition": name}`, true or false, or a function that is true or false.
        scope: what functions can see.

    Raises:
        TemplateError: it is none of these.
    """
    if isinstance(value, Mapping) and value.keys() == {"Condition"}:
        value = value["Condition"]
    if isinstance(value, str):
        if value not in scope.conditions:
            raise TemplateError(f"the condition {value} is not defined in Conditions")
        return scope.conditions[value]
    result = evaluate(value, scope)
    if not isinstance(result, bool) and result is not UNKNOWN:
        raise TemplateError(f"not a condition: {json.dumps(value)[:200]}")
    return result


def substitution_names(text: str) -> list[str]:
    """Return the names in the `${…}` of a text for Fn::Sub."""
    return [match[2].strip() for match in VARIABLE.finditer(text) if not match[1]]


# Calling


def _evaluate(value: object, scope: Scope) -> Value:
    if isinstance(value, list):
        items = [_evaluate(each, scope) for each in value]
        return [each for each in items if each is not NO_VALUE]
    if not isinstance(value, Mapping):
        return value
    if function := function_of(value):
        return _call(function, value[function], scope)
    pairs = {key: _evaluate(each, scope) for key, each in value.items()}
    return {key: each for key, each in pairs.items() if each is not NO_VALUE}


def _call(name: str, argument: object, scope: Scope) -> Value:
    special = _OF_SCOPE.get(name)
    result = special(argument, scope) if special else _call_with_values(name, argument, scope)
    check_scalar(result, name)  # before another function makes more of it
    return result


def _call_with_values(name: str, argument: object, scope: Scope) -> Value:
    function = _OF_VALUES.get(name)
    if function is None:
        if name in ELSEWHERE:
            raise TemplateError(f"not implemented: {name}")
        raise TemplateError(f"there is no function {name}")
    evaluated = _evaluate(argument, scope)
    if holds_unknown(evaluated):
        return UNKNOWN
    try:
        return function(evaluated)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, SyntaxError):
        shown = json.dumps(argument)[:200]
        raise TemplateError(f"{name}: cannot work with {shown}") from None  # the cause may tell a secret


def _ref(argument: object, scope: Scope) -> object:
    if not isinstance(argument, str):
        raise TemplateError(f"Ref: must be a name, not {argument!r}")
    if argument == "ALIYUN::NoValue":
        return NO_VALUE
    return scope.values[argument] if argument in scope.values else scope.resources.reference(argument)


def _get_att(argument: object, scope: Scope) -> object:
    resource, name = (_evaluate(each, scope) for each in arguments("Fn::GetAtt", argument, 2))
    return UNKNOWN if name is UNKNOWN else scope.resources.attribute(str(resource), str(name))


def _sub(argument: object, scope: Scope) -> object:
    if isinstance(argument, list):
        text, variables = arguments("Fn::Sub", argument, 2)
    else:
        text, variables = argument, {}
    if not isinstance(text, str) or not isinstance(variables, Mapping):
        raise TemplateError("Fn::Sub: must be a text, or a list of a text and an object of variables")
    own = {key: _evaluate(each, scope) for key, each in variables.items()}
    found = {name: own[name] if name in own else _variable(name, scope) for name in substitution_names(text)}
    if holds_unknown(found):
        return UNKNOWN
    found = {name: "" if each is NO_VALUE or each is None else each for name, each in found.items()}
    return VARIABLE.sub(lambda match: f"${{{match[2]}}}" if match[1] else to_text(found[match[2].strip()]), text)


def _variable(name: str, scope: Scope) -> object:
    if "." in name and name not in scope.values:
        return _get_att(list(name.split(".", 1)), scope)
    return _ref(name, scope)


def _if(argument: object, scope: Scope) -> object:
    condition, then, otherwise = arguments("Fn::If", argument, 3)
    holds = is_true(condition, scope)
    return UNKNOWN if holds is UNKNOWN else _evaluate(then if holds else otherwise, scope)


def _stack_output(argument: object, scope: Scope) -> object:
    stack, key, *region = (_evaluate(each, scope) for each in arguments("Fn::GetStackOutput", argument, 2, 3))
    if region and region[0] != scope.values.get("ALIYUN::Region"):
        raise TemplateError("not implemented: Fn::GetStackOutput of another region")
    return UNKNOWN if UNKNOWN in (stack, key) else scope.resources.stack_output(str(stack), str(key))


def _zones(argument: object, scope: Scope) -> object:
    """Return the zones of a region: the embedded cloud has one, as Function Compute says, too."""
    region = _evaluate(argument, scope)
    if region in (UNKNOWN, NO_VALUE):
        return region
    if region not in ("", scope.values.get("ALIYUN::Region")):
        raise TemplateError("not implemented: Fn::GetAZs of another region")
    return [f"{scope.values.get('ALIYUN::Region')}-a"]


def _find_in_map(argument: object, scope: Scope) -> object:
    written = arguments("Fn::FindInMap", argument, 3)
    names = [evaluate(each, scope) for each in written]
    if holds_unknown(names):
        return UNKNOWN
    found: Any = scope.mappings
    for name, shown in zip(map(to_text, names), map(to_text, written), strict=True):
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise TemplateError(f"Fn::FindInMap: there is no {shown} in {to_text(written)}; there are: {known}")
        found = found[name]
    return found


def _format_time(argument: object, scope: Scope) -> object:
    evaluated = _evaluate(argument, scope)
    if holds_unknown(evaluated):
        return UNKNOWN
    form, zone = (evaluated, "UTC") if isinstance(evaluated, str) else arguments("Fn::FormatTime", evaluated, 2)
    try:
        return scope.now().astimezone(ZoneInfo(zone)).strftime(form)
    except (ZoneInfoNotFoundError, TypeError, ValueError, OSError):
        raise TemplateError("Fn::FormatTime: needs a format like %Y-%m-%d and a time zone like Asia/Shanghai") from None


# Conditions


def _all_or_any(name: str, *, decided_by: bool) -> Callable[[object, Scope], object]:
    def function(argument: object, scope: Scope) -> Truth:
        if not isinstance(argument, list) or len(argument) < 2:
            raise TemplateError(f"{name}: needs a list of at least 2 conditions")
        found = [is_true(each, scope) for each in argument]
        if decided_by in found:
            return decided_by
        return UNKNOWN if UNKNOWN in found else not decided_by

    return function


def _not(argument: object, scope: Scope) -> Truth:
    holds = is_true(argument[0] if isinstance(argument, list) and len(argument) == 1 else argument, scope)
    return UNKNOWN if holds is UNKNOWN else not holds


_OF_SCOPE: Mapping[str, Callable[[object, Scope], object]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetStackOutput": _stack_output,
    "Fn::GetAZs": _zones,
    "Fn::FormatTime": _format_time,
    "Fn::And": _all_or_any("Fn::And", decided_by=False),
    "Fn::Or": _all_or_any("Fn::Or", decided_by=True),
    "Fn::Not": _not,
}
