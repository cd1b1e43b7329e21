"""Readers of single values: they return it as its setting's type, or raise ValueError with the rest of a sentence. Pure.

Values come from cdk.json, as text from `-c key=value`, or as arguments from Python.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

from heavylift.contracts.platform import CPU_SHARE, CPU_SHARES, RESERVED_VARIABLES
from heavylift.contracts.texts import is_text

Reader = Callable[[object], object]

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PREFIX = re.compile(r"[^/*?\\\s][^*?\\\s]{0,500}")


def shown(value: object) -> str:
    """Return a value for a message."""
    try:
        return f"{value!r:.100}"
    except RecursionError:
        return "what is nested too deeply"


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the name that was meant, perhaps."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def unknown(name: str, known: Collection[str], kind: str) -> str:
    """Return a sentence for a name that does not exist.

    Args:
        name: the one that was given.
        known: those that exist.
        kind: of name, for the message.
    """
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(sorted(known))}"
    return f"{name}: there is no such {kind}; {hint}"


def flag(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("is neither true nor false")


def integer(allowed: range | tuple[int, ...], unit: str) -> Callable[[object], int]:
    """Return a reader of the integers that are allowed."""

    def read(value: object) -> int:
        wanted = f"{_described(allowed)} {unit}"
        number = _number(value, wanted)
        if number != int(number) or int(number) not in allowed:
            raise ValueError(f"is not allowed; set {wanted}")
        return int(number)

    return read


def _described(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, tuple):
        return " or ".join(map(str, allowed))
    steps = f" (in steps of {allowed.step})" if allowed.step > 1 else ""
    return f"{allowed[0]} to {allowed[-1]}{steps}"


def _number(value: object, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"is not a number; set {wanted}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"is not a number; set {wanted}") from None
    if not abs(number) < 1e9:  # neither infinite nor "not a number"
        raise ValueError(f"is not a number that can be used; set {wanted}")
    return number


def cpu(value: object) -> float:
    """Read a number of vCPU."""
    wanted = f"{CPU_SHARE:g} to {CPU_SHARES[-1] * CPU_SHARE:g} (in steps of {CPU_SHARE:g}) vCPU"
    shares = round(_number(value, wanted) / CPU_SHARE, 6)
    if shares not in CPU_SHARES:
        raise ValueError(f"is not allowed; set {wanted}")
    return round(int(shares) * CPU_SHARE, 2)


def choice(*choices: str) -> Callable[[object], str]:
    """Return a reader of one of several words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"is not allowed; set {' or '.join(choices)}")
        return value

    return read


def text(pattern: re.Pattern[str], wanted: str, *, optional: bool = False) -> Callable[[object], str]:
    """Return a reader of text that a pattern matches; `wanted` describes it, and it may be empty when `optional`."""

    def read(value: object) -> str:
        if optional and value == "":
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value) or not is_text(value):
            raise ValueError(f"is not allowed; set {wanted}")
        return value

    return read


def path(value: object) -> str:
    """Read a path; empty: none."""
    given = os.fspath(value) if isinstance(value, Path) else value
    if not isinstance(given, str) or not is_text(given):
        raise ValueError("is no path; set one that begins at the project's folder")
    return given


def paths(value: object) -> tuple[str, ...]:
    """Read several paths."""
    return tuple(path(item) for item in _items(value, "paths"))


prefix = text(_PREFIX, "the beginning of object keys, such as incoming/, without spaces, wildcards or a leading slash")


def prefixes(value: object) -> tuple[str, ...]:
    """Read several beginnings of object keys."""
    return tuple(dict.fromkeys(prefix(item) for item in _items(value, "prefixes")))


_package = text(
    re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"), "the name of a package as one imports it, such as tensorflow"
)


def packages(value: object) -> tuple[str, ...]:
    """Read several names of packages."""
    return tuple(sorted({_package(item) for item in _items(value, "packages")}))


def _items(value: object, what: str) -> list[object]:
    items = _json(value) if isinstance(value, str) and value.startswith("[") else value
    if isinstance(items, str):
        items = [item for item in items.split(",") if item]
    if not isinstance(items, (list, tuple)):
        raise ValueError(f"is no list; set {what}, parted by commas")
    return list(items)


def read_texts(value: object) -> list[str]:
    """Return one text, or several, as a list; an empty one if it is neither."""
    items = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
    return items if all(isinstance(item, str) for item in items) else []


def _json(value: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON; write it as in cdk.json") from None


def environment(value: object) -> dict[str, str]:
    """Read the variables of a function."""
    value = _json(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise ValueError('is no object; set one such as {"NAME": "value"}')
    for name, content in value.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or name.startswith(RESERVED_VARIABLES):
            raise ValueError(
                f"holds the name {name!r}; names are letters, digits and underscores, begin with a letter, and not with "
                f"{' or '.join(RESERVED_VARIABLES)}, which belong to the platform"
            )
        if not isinstance(content, str) or not is_text(content):
            raise ValueError(f"holds {name}: {shown(content)}, which is no text; put it in quotes")
    return dict(sorted(value.items()))
