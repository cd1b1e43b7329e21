"""The values of a query: how they compare, calculate, cast and match. Pure.

Each function takes and returns functions of a record, which `sql` puts together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

Path = tuple[str | int, ...]


class DataError(Exception):
    """The data does not fit the query; the answer may have begun.

    Args:
        why: what does not fit.
        code: the documented code; empty: there is none.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(f"{code}.{why}" if code else why)
        self.why, self.code = why, code


class Record(Protocol):
    """A row of CSV or a document of JSON."""

    def get(self, path: Path) -> Any:  # noqa: ANN401 - whatever the data holds
        """Return a column's value; None: there is none."""


Evaluate = Callable[[Record], Any]


def is_true(value: Any) -> bool:  # noqa: ANN401
    """Return whether a condition holds."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def text_of(value: Any) -> str:  # noqa: ANN401
    """Return a value as text."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def number_of(value: Any) -> int | float | Decimal | None:  # noqa: ANN401
    """Return a value as a number; None: it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return value
    try:
        text = str(value).strip()
        return int(text) if text.lstrip("-").isdigit() and text.isascii() and len(text) < 19 else Decimal(text)
    except (ValueError, InvalidOperation):
        return None


def comparing(left: Evaluate, compare: Callable[[Any, Any], bool], right: Evaluate) -> Evaluate:
    """Return the comparison of two values: as text, as booleans or as numbers; with nothing it is not true."""

    def evaluate(record: Record) -> bool:
        first, second = left(record), right(record)
        if first is None or second is None:
            return False
        if isinstance(first, str) and isinstance(second, str):
            return compare(first, second)
        if isinstance(first, bool) or isinstance(second, bool):
            return compare(text_of(first).lower(), text_of(second).lower())
        one, other = number_of(first), number_of(second)
        return one is not None and other is not None and compare(one, other)

    return evaluate


def calculating(left: Evaluate, calculate: Callable[[Any, Any], Any], right: Evaluate) -> Evaluate:
    """Return the calculation with two numbers; None: one is none."""

    def evaluate(record: Record) -> Any:  # noqa: ANN401
        one, other = number_of(left(record)), number_of(right(record))
        if one is None or other is None:
            return None
        if isinstance(one, float) or isinstance(other, float):
            one, other = float(one), float(other)
        try:
            return calculate(one, other)
        except (ArithmeticError, InvalidOperation) as error:
            raise DataError("a calculation has no result") from error

    return evaluate


def joining(left: Evaluate, right: Evaluate) -> Evaluate:
    """Return two texts as one; None: one is nothing."""

    def evaluate(record: Record) -> str | None:
        one, other = left(record), right(record)
        return None if one is None or other is None else text_of(one) + text_of(other)

    return evaluate


def _to_bool(value: Any) -> bool:  # noqa: ANN401
    text = text_of(value).lower()
    if text not in {"true", "false", "1", "0"}:
        raise ValueError(text)
    return text in {"true", "1"}


CASTS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("int", "integer", "bigint"), lambda value: int(Decimal(text_of(value)))),
    **dict.fromkeys(("double", "float"), lambda value: float(text_of(value))),
    "decimal": lambda value: Decimal(text_of(value)),
    **dict.fromkeys(("string", "varchar"), text_of),
    **dict.fromkeys(("bool", "boolean"), _to_bool),
}


def casting(inner: Evaluate, cast: Callable[[Any], Any], kind: str) -> Evaluate:
    """Return a value as another kind, by the cast of `CASTS`; nothing stays nothing."""

    def evaluate(record: Record) -> Any:  # noqa: ANN401
        value = inner(record)
        if value is None or (value == "" and kind not in {"string", "varchar"}):
            return None
        try:
            return cast(value)
        except (ValueError, ArithmeticError) as error:
            raise DataError(f"{text_of(value)[:80]} cannot be cast to {kind}") from error

    return evaluate


def like(pattern: str, escape: str) -> Callable[[str], bool]:
    """Return the test of a LIKE pattern, which takes time in proportion to the text's length."""
    pieces: list[str] = [""]
    characters = iter(pattern)
    for character in characters:
        if escape and character == escape:
            pieces[-1] += re.escape(next(characters, ""))
        elif character == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if character == "_" else re.escape(character)
    compiled = [re.compile(piece, re.DOTALL) for piece in pieces]
    last = re.compile(f"(?:{pieces[-1]})\\Z", re.DOTALL)

    def matches(text: str) -> bool:
        first = compiled[0].match(text)
        if first is None:
            return False
        if len(compiled) == 1:
            return first.end() == len(text)
        at = first.end()
        for piece in compiled[1:-1]:
            found = piece.search(text, at)
            if found is None:
                return False
            at = found.end()
        return last.search(text, at) is not None

    return matches
