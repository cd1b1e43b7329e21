"""The types of SQL, and their values as answers show them.

Within a statement that runs, a boolean is 0 or 1, a timestamp the milliseconds from 1970 to the time that clocks in `ZONE` show, a
date the days likewise, and an array its elements in JSON.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

ZONE = 8 * 60 * 60  # seconds that clocks are ahead of UTC where SLS's times are shown, in all regions (assumed)
EPOCH = datetime(1970, 1, 1)
NULL = "null"  # as answers have it


@dataclass(frozen=True, slots=True)
class Type:
    """A type; one of a single capital letter stands for any, the same one wherever it stands in a signature."""

    name: str
    element: Type | None = None  # of an array

    def __str__(self) -> str:
        return f"array({self.element})" if self.element else self.name


BOOLEAN, BIGINT, DOUBLE, VARCHAR = Type("boolean"), Type("bigint"), Type("double"), Type("varchar")
TIMESTAMP, DATE, JSON, VARBINARY = Type("timestamp"), Type("date"), Type("json"), Type("varbinary")
UNKNOWN = Type("unknown")  # of null
E, F = Type("E"), Type("F")


def array(element: Type) -> Type:
    """Return the type of arrays of a type."""
    return Type("array", element)


def show(value: object, kind: Type) -> str:
    """Return a value as answers have it."""
    if value is None:
        return NULL
    if kind == BOOLEAN:
        return "true" if value else "false"
    if kind == DOUBLE:
        assert isinstance(value, int | float)
        return show_double(float(value))
    if kind == TIMESTAMP:
        assert isinstance(value, int)
        return show_timestamp(value)
    if kind == DATE:
        assert isinstance(value, int)
        return show_date(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def show_double(number: float) -> str:
    """Return a number as Java writes it (`Double.toString`)."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = format(number, "f") if number == 0 else repr(number)
        if "e" in text:
            text = format(number, ".20f").rstrip("0")
        return f"{number!r}" if number == 0 else text
    mantissa, _, exponent = format_shortest(number).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}E{int(exponent)}"


def format_shortest(number: float) -> str:
    """Return the shortest text of a number, with an exponent."""
    for digits in range(17):
        text = format(number, f".{digits}e")
        if float(text) == number:
            return text
    return format(number, ".17e")


def show_timestamp(milliseconds: int) -> str:
    """Return a timestamp as text."""
    moment = EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}".rjust(23, "0")


def show_date(days: int) -> str:
    """Return a date as text."""
    return (EPOCH + timedelta(days=days)).date().isoformat()


def dump(value: object) -> str:
    """Return a value as JSON, as arrays and what is taken from JSON have it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
