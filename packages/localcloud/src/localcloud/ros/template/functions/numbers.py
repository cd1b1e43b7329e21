"""Functions of numbers."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.functions.arguments import Value, arguments, to_number

MAX_EXPRESSION = 500  # characters of Fn::Calculate; assumed


def _average(value: Value) -> float:
    digits, numbers = arguments("Fn::Avg", value, 2)
    return round(sum(float(each) for each in numbers) / len(numbers), int(digits))


def _add(value: Value) -> object:
    if not isinstance(value, list) or len(value) < 2:
        raise TemplateError("Fn::Add: needs a list of at least 2 values")
    if all(isinstance(each, dict) for each in value):
        return {key: item for each in value for key, item in each.items()}
    if all(isinstance(each, list) for each in value):
        return [item for each in value for item in each]
    return sum(to_number(each) for each in value)


_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def _calculate(value: Value) -> object:
    expression, digits, *numbers = arguments("Fn::Calculate", value, 2, 3)
    if len(expression) > MAX_EXPRESSION or not re.fullmatch(r"[0-9+*/%().\s{}-]*", expression):
        raise TemplateError(
            f"Fn::Calculate: needs numbers, + - * / % and parentheses, up to {MAX_EXPRESSION} characters"
        )
    filled = re.sub(r"\{(\d+)\}", lambda match: f"({to_number(numbers[0][int(match[1])])})", expression)
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


NUMBERS: Mapping[str, Callable[[Any], object]] = {
    "Fn::Avg": _average,
    "Fn::Add": _add,
    "Fn::Calculate": _calculate,
    "Fn::Max": lambda numbers: max(numbers, key=to_number),
    "Fn::Min": lambda numbers: min(numbers, key=to_number),
}
