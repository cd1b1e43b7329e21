"""The functions of templates: `Ref` and `Fn::…`, evaluated against parameters, mappings, conditions and resources.

Source: ROS, "Functions"; each function does what its page there says. In a preview a resource may not exist yet: what depends on it
is `UNKNOWN`, and so is every function of it. Pure.
"""

from __future__ import annotations

import ast
import base64
import binascii
import ipaddress
import itertools
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import check_scalar, check_value

Value: TypeAlias = Any  # of a template: JSON, whose shape each function checks for itself


class _Marker(Enum):  # there is one of each, in every process
    UNKNOWN = "(known after it is made)"
    NO_VALUE = "ALIYUN::NoValue"

    def __repr__(self) -> str:
        return self.value


UNKNOWN = _Marker.UNKNOWN
NO_VALUE = _Marker.NO_VALUE
VARIABLE = re.compile(r"\$\{(!?)([^${}]+)\}")
MAX_EXPRESSION = 500  # characters of Fn::Calculate; assumed
ELSEWHERE = frozenset({"Fn::GetAZs", "Fn::MarketplaceImage", "Fn::Jq"})  # of other products, or a language of its own


class Resources(Protocol):
    """What functions can ask of the resources that exist."""

    def reference(self, logical_id: str) -> object:
        """Return a resource's physical id."""

    def attribute(self, logical_id: str, name: str) -> object:
        """Return an attribute of a resource."""

    def stack_output(self, stack: str, key: str) -> object:
        """Return an output of another stack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What functions can see."""

    values: Mapping[str, object]  # of parameters and pseudo parameters
    mappings: Mapping[str, Mapping[str, Mapping[str, object]]]
    conditions: Mapping[str, bool]  # whether they hold
    resources: Resources
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


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


def holds_unknown(value: object) -> bool:
    """Return whether any part of a value is unknown."""
    if isinstance(value, Mapping):
        return any(holds_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(holds_unknown(each) for each in value)
    return value is UNKNOWN


def is_true(value: object, scope: Scope) -> bool:
    """Return whether a condition holds.

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
    if not isinstance(result, bool):
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
    special = _SPECIAL.get(name)
    result = special(argument, scope) if special else _call_with_values(name, argument, scope)
    check_scalar(result, name)  # before another function makes more of it
    return result


def _call_with_values(name: str, argument: object, scope: Scope) -> Value:
    function = _FUNCTIONS.get(name)
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


def _arguments(name: str, value: object, *counts: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        got = f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
        raise TemplateError(f"{name}: needs a list of {wanted} values, not {got}")
    return value


def _bounded(name: str, what: str, value: object, least: int, most: int) -> int:
    number = _to_number(value)
    if not isinstance(number, int) or not least <= number <= most:
        raise TemplateError(f"{name}: {what} must be from {least} to {most}")
    return number


def _ref(argument: object, scope: Scope) -> object:
    if not isinstance(argument, str):
        raise TemplateError(f"Ref: must be a name, not {argument!r}")
    if argument == "ALIYUN::NoValue":
        return NO_VALUE
    return scope.values[argument] if argument in scope.values else scope.resources.reference(argument)


def _get_att(argument: object, scope: Scope) -> object:
    resource, name = (_evaluate(each, scope) for each in _arguments("Fn::GetAtt", argument, 2))
    return UNKNOWN if name is UNKNOWN else scope.resources.attribute(str(resource), str(name))


def _sub(argument: object, scope: Scope) -> object:
    if isinstance(argument, list):
        text, variables = _arguments("Fn::Sub", argument, 2)
    else:
        text, variables = argument, {}
    if not isinstance(text, str) or not isinstance(variables, Mapping):
        raise TemplateError("Fn::Sub: must be a text, or a list of a text and an object of variables")
    own = {key: _evaluate(each, scope) for key, each in variables.items()}
    found = {name: own[name] if name in own else _variable(name, scope) for name in substitution_names(text)}
    if holds_unknown(found):
        return UNKNOWN
    found = {name: "" if each is NO_VALUE else each for name, each in found.items()}
    return VARIABLE.sub(lambda match: f"${{{match[2]}}}" if match[1] else _text(found[match[2].strip()]), text)


def _variable(name: str, scope: Scope) -> object:
    if "." in name and name not in scope.values:
        return _get_att(list(name.split(".", 1)), scope)
    return _ref(name, scope)


def _if(argument: object, scope: Scope) -> object:
    condition, then, otherwise = _arguments("Fn::If", argument, 3)
    return _evaluate(then if is_true(condition, scope) else otherwise, scope)


def _stack_output(argument: object, scope: Scope) -> object:
    stack, key, *region = (_evaluate(each, scope) for each in _arguments("Fn::GetStackOutput", argument, 2, 3))
    if region and region[0] != scope.values.get("ALIYUN::Region"):
        raise TemplateError("not implemented: Fn::GetStackOutput of another region")
    return UNKNOWN if UNKNOWN in (stack, key) else scope.resources.stack_output(str(stack), str(key))


def _find_in_map(argument: object, scope: Scope) -> object:
    written = _arguments("Fn::FindInMap", argument, 3)
    names = [evaluate(each, scope) for each in written]
    if holds_unknown(names):
        return UNKNOWN
    found: Any = scope.mappings
    for name, shown in zip(map(_text, names), map(_text, written), strict=True):
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise TemplateError(f"Fn::FindInMap: there is no {shown} in {_text(written)}; there are: {known}")
        found = found[name]
    return found


def _format_time(argument: object, scope: Scope) -> object:
    evaluated = _evaluate(argument, scope)
    if holds_unknown(evaluated):
        return UNKNOWN
    form, zone = (evaluated, "UTC") if isinstance(evaluated, str) else _arguments("Fn::FormatTime", evaluated, 2)
    try:
        return scope.now().astimezone(ZoneInfo(zone)).strftime(form)
    except (ZoneInfoNotFoundError, TypeError, ValueError, OSError):
        raise TemplateError("Fn::FormatTime: needs a format like %Y-%m-%d and a time zone like Asia/Shanghai") from None


# Conditions


def _all_or_any(name: str, choose: Callable[[list[bool]], bool]) -> Callable[[object, Scope], object]:
    def function(argument: object, scope: Scope) -> bool:
        if not isinstance(argument, list) or len(argument) < 2:
            raise TemplateError(f"{name}: needs a list of at least 2 conditions")
        return choose([is_true(each, scope) for each in argument])

    return function


def _not(argument: object, scope: Scope) -> bool:
    return not is_true(argument[0] if isinstance(argument, list) and len(argument) == 1 else argument, scope)


# Functions of values


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else json.dumps(value)


def _join(value: Value) -> str:
    delimiter, items = _arguments("Fn::Join", value, 2)
    if not all(isinstance(each, str) for each in items):
        raise TemplateError("Fn::Join: joins text only; Fn::Sub and Fn::Str make text of numbers")
    return str(delimiter.join(items))


def _select(value: Value) -> object:
    index, data, *default = _arguments("Fn::Select", value, 2, 3)
    missing = default[0] if default else ""
    if isinstance(data, str):
        data = data.split(",")
    if isinstance(data, dict):
        return data.get(str(index), missing)
    if ":" in str(index):
        return data[slice(*(int(part) if part.strip() else None for part in str(index).split(":")))]
    number = int(index)
    return data[number] if -len(data) <= number < len(data) else missing


def _replace(value: Value) -> str:
    changes, text = _arguments("Fn::Replace", value, 2)
    for old, new in changes.items():
        text = text.replace(old, _text(new))
    return str(text)


def _split(value: Value) -> list[str]:
    delimiter, text = _arguments("Fn::Split", value, 2)
    return list(text.split(delimiter))


def _index(value: Value) -> object:
    item, items = _arguments("Fn::Index", value, 2)
    return items.index(item) if item in items else None


def _json_value(value: Value) -> object:
    key, data = _arguments("Fn::GetJsonValue", value, 2)
    record = json.loads(data) if isinstance(data, str) else data
    return record[key]


def _merge_map_to_list(value: Value) -> list[dict[str, object]]:
    lists = {key: items for each in value for key, items in each.items()}
    longest = max(map(len, lists.values()), default=0)
    # A shorter list's last item is repeated.
    return [{key: items[min(number, len(items) - 1)] for key, items in lists.items()} for number in range(longest)]


def _average(value: Value) -> float:
    digits, numbers = _arguments("Fn::Avg", value, 2)
    return round(sum(float(each) for each in numbers) / len(numbers), int(digits))


def _select_map_list(value: Value) -> list[object]:
    key, maps = _arguments("Fn::SelectMapList", value, 2)
    return [each[key] for each in maps if key in each]


def _member_list_to_map(value: Value) -> dict[str, str]:
    """Source: OpenStack Heat's function of this name, which ROS names but does not describe."""
    key, value_key, members = _arguments("Fn::MemberListToMap", value, 3)
    columns: dict[str, dict[str, str]] = {key: {}, value_key: {}}
    for each in members:
        match = re.fullmatch(r"\.member\.([0-9]+)\.(\w+)=(.*)", each, re.DOTALL)
        if match and match[2] in columns:
            columns[match[2]][match[1]] = match[3]
    return {name: columns[value_key][row] for row, name in columns[key].items() if row in columns[value_key]}


def _add(value: Value) -> object:
    if not isinstance(value, list) or len(value) < 2:
        raise TemplateError("Fn::Add: needs a list of at least 2 values")
    if all(isinstance(each, dict) for each in value):
        return {key: item for each in value for key, item in each.items()}
    if all(isinstance(each, list) for each in value):
        return [item for each in value for item in each]
    return sum(_to_number(each) for each in value)


def _to_number(value: object) -> Value:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return int(str(value)) if re.fullmatch(r"[+-]?\d+", str(value)) else float(str(value))


_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def _calculate(value: Value) -> object:
    expression, digits, *numbers = _arguments("Fn::Calculate", value, 2, 3)
    if len(expression) > MAX_EXPRESSION or not re.fullmatch(r"[0-9+*/%().\s{}-]*", expression):
        raise TemplateError(
            f"Fn::Calculate: needs numbers, + - * / % and parentheses, up to {MAX_EXPRESSION} characters"
        )
    filled = re.sub(r"\{(\d+)\}", lambda match: f"({_to_number(numbers[0][int(match[1])])})", expression)
    result = _arithmetic(ast.parse(filled.strip(), mode="eval").body)
    return round(result, int(digits)) if isinstance(result, float) else result


def _arithmetic(node: ast.expr) -> Value:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_arithmetic(node.operand))
    if isinstance(node, ast.BinOp):
        left, right = _arithmetic(node.left), _arithmetic(node.right)
        if isinstance(node.op, ast.Div):  # the quotient of integers has no decimal places
            return left // right if isinstance(left, int) and isinstance(right, int) else left / right
        if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](left, right)
    raise ValueError("only numbers, + - * / % and parentheses")


def _match_pattern(value: Value) -> bool:
    pattern, text = _arguments("Fn::MatchPattern", value, 2)
    try:
        return re.match(pattern, _text(text)) is not None
    except re.error as error:
        raise TemplateError(f"Fn::MatchPattern: needs a regular expression: {error.msg}") from None


def _contains(value: Value) -> bool:
    items, item = _arguments("Fn::Contains", value, 2)
    return item in items


def _each_member_in(value: Value) -> bool:
    items, others = _arguments("Fn::EachMemberIn", value, 2)
    return all(each in others for each in items)


def _indent(value: Value) -> str:
    text, level, *options = _arguments("Fn::Indent", value, 2, 3, 4)
    width = _bounded("Fn::Indent", "the size", options[0] if options else 2, 0, 4)
    space = " " * width * _bounded("Fn::Indent", "the level", level, 0, 20)
    first = options[1] if len(options) == 2 else True  # whether the first line is indented, too
    return ("" if first is False else space) + text.replace("\n", "\n" + space)  # type: ignore[no-any-return]


def _cidr(value: Value) -> list[str]:
    block, count, bits = _arguments("Fn::Cidr", value, 3)
    network = ipaddress.IPv4Network(str(block))
    host_bits = _bounded("Fn::Cidr", "cidrBits", bits, 0, 32 - network.prefixlen)
    wanted = _bounded("Fn::Cidr", "the count", count, 1, min(256, 2 ** (32 - network.prefixlen - host_bits)))
    return [str(subnet) for subnet in itertools.islice(network.subnets(new_prefix=32 - host_bits), wanted)]


def _decode(value: Value) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise TemplateError("Fn::Base64Decode: not a base64 text") from None


def _equals(value: Value) -> bool:
    one, other = _arguments("Fn::Equals", value, 2)
    return bool(one == other or _text(one) == _text(other))


_SPECIAL: Mapping[str, Callable[[object, Scope], object]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetStackOutput": _stack_output,
    "Fn::FormatTime": _format_time,
    "Fn::And": _all_or_any("Fn::And", all),
    "Fn::Or": _all_or_any("Fn::Or", any),
    "Fn::Not": _not,
}
_FUNCTIONS: Mapping[str, Callable[[Any], object]] = {
    "Fn::Str": _text,
    "Fn::Base64": lambda value: base64.b64encode(value.encode()).decode(),
    "Fn::Base64Encode": lambda value: base64.b64encode(value.encode()).decode(),
    "Fn::Base64Decode": _decode,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Replace": _replace,
    "Fn::Split": _split,
    "Fn::Equals": _equals,
    "Fn::Index": _index,
    "Fn::Length": len,
    "Fn::ListMerge": lambda lists: [item for each in lists for item in each],
    "Fn::GetJsonValue": _json_value,
    "Fn::MergeMapToList": _merge_map_to_list,
    "Fn::MergeMap": lambda maps: {key: item for each in maps for key, item in each.items()},
    "Fn::Avg": _average,
    "Fn::SelectMapList": _select_map_list,
    "Fn::Add": _add,
    "Fn::Calculate": _calculate,
    "Fn::Max": lambda numbers: max(numbers, key=_to_number),
    "Fn::MemberListToMap": _member_list_to_map,
    "Fn::Min": lambda numbers: min(numbers, key=_to_number),
    "Fn::Any": any,
    "Fn::Contains": _contains,
    "Fn::EachMemberIn": _each_member_in,
    "Fn::MatchPattern": _match_pattern,
    "Fn::Indent": _indent,
    "Fn::Cidr": _cidr,
}
