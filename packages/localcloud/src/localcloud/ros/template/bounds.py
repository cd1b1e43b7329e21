"""Bounds of a template's values: their size, and what JSON can carry. Pure.

A template of a few hundred bytes can spell out gigabytes: an alias in YAML, or a function of a function, doubles what it holds.
Each text and number that a function makes is checked when it is made, and a whole value once it is complete.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from localcloud.ros.errors import TemplateError

MAX_SIZE = 524_288  # bytes of a template; ROS, "Limits"
MAX_TEXT = 2 * MAX_SIZE  # characters that one value, or the properties of all resources of a stack, spell out; assumed
MAX_DEPTH = 100  # levels of nesting; assumed, ROS documents none
MAX_VALUES = 300_000  # once YAML's aliases are spelled out; without them, no template of the largest size has as many
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_scalar(value: object, place: str) -> None:
    """Refuse a text or number that JSON cannot carry, or that is too large.

    Raises:
        TemplateError: naming the place.
    """
    match value:
        case str() if len(value) > MAX_TEXT:
            raise TemplateError(f"{place}: a text of {len(value):,} characters, at most {MAX_TEXT:,} are allowed")
        case str() if _SURROGATE.search(value):
            raise TemplateError(f"{place}: the text holds half a character (an unpaired surrogate)")
        case float() if not is_finite(value):
            raise TemplateError(f"{place}: {value} is not a number that a template can hold")
        case int() if not is_finite(value):
            raise TemplateError(f"{place}: a number of more than 300 digits is not one that a template can hold")


def is_finite(number: float) -> bool:
    """Return whether a number is one that a double can hold."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def check_value(value: object, place: str) -> None:
    """Refuse a value that is nested too deeply, or holds too many values, too much text, or what JSON cannot carry.

    Raises:
        TemplateError: naming the place.
    """
    values = text = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        values += 1
        if depth > MAX_DEPTH:
            raise TemplateError(f"{place}: nested too deeply: {MAX_DEPTH} levels are allowed")
        if values > MAX_VALUES:
            raise TemplateError(f"{place}: more than {MAX_VALUES:,} values")
        if isinstance(each, str):
            text += len(each)
        elif isinstance(each, Mapping):
            text += sum(map(len, each))
            waiting += ((item, depth + 1) for item in each.values())
        elif isinstance(each, list):
            waiting += ((item, depth + 1) for item in each)
        check_scalar(each, place)
        if text > MAX_TEXT:
            raise TemplateError(f"{place}: a text of more than {MAX_TEXT:,} characters in all")
