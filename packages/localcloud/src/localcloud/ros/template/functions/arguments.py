"""The arguments of functions: how many there are, and the numbers and texts that they are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from localcloud.ros.errors import TemplateError

Value: TypeAlias = Any  # of a template: JSON, whose shape each function checks for itself


def arguments(name: str, value: object, *counts: int) -> Sequence[Any]:
    """Return the arguments of a function that takes a list of so many.

    Raises:
        TemplateError: it was given something else.
    """
    if not isinstance(value, list) or len(value) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        got = f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
        raise TemplateError(f"{name}: needs a list of {wanted} values, not {got}")
    return value


def bounded(name: str, what: str, value: object, least: int, most: int) -> int:
    """Return an argument that is a whole number within bounds.

    Raises:
        TemplateError: it is not.
    """
    number = to_number(value)
    if not isinstance(number, int) or not least <= number <= most:
        raise TemplateError(f"{name}: {what} must be from {least} to {most}")
    return number


def to_text(value: object) -> str:
    """Return a value as the text that functions make of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else json.dumps(value)


def to_number(value: object) -> Value:
    """Return the number that a value is, or spells.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return int(str(value)) if re.fullmatch(r"[+-]?\d+", str(value)) else float(str(value))
