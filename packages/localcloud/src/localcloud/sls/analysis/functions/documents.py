"""Functions of JSON. Source: SLS, "JSON functions"."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from localcloud.sls.analysis.functions.signatures import Function, FunctionError
from localcloud.sls.analysis.types import BIGINT, BOOLEAN, DOUBLE, JSON, VARCHAR, Type, dump
from localcloud.sls.search.matching import to_number

_STEP = re.compile(r"""\.([^.\[\]"'\s]+)|\[\s*([0-9]{1,9})\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*'([^']*)'\s*\]""")
_NOTHING = object()


@lru_cache(maxsize=256)
def _read_path(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1 if path.startswith("$") else 0
    text = path if at else f".{path}"
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise FunctionError(f"Invalid JSON path: '{path[:80]}'")
        name, index, quoted, single = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name or (re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else single))
        at = found.end()
    return steps


@lru_cache(maxsize=16)
def _load(text: str) -> Any:  # noqa: ANN401 - what JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _look_up(text: str, path: str) -> Any:  # noqa: ANN401 - likewise
    value = _load(text)
    for step in _read_path(path):
        if isinstance(value, dict):
            value = value.get(str(step), _NOTHING)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return _NOTHING
    return value


def _extract(text: str, path: str) -> str | None:
    value = _look_up(text, path)
    return None if value is _NOTHING else dump(value)


def _scalar(text: str, path: str) -> str | None:
    return _show(_look_up(text, path))


def _show(value: object) -> str | None:
    if value is _NOTHING or value is None or isinstance(value, list | dict):
        return None
    return value if isinstance(value, str) else dump(value)


def _number(text: str, path: str) -> float | None:
    return to_number(_scalar(text, path) or "")


def _whole(text: str, path: str) -> int | None:
    value = _look_up(text, path)
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _boolean(text: str, path: str) -> bool | None:
    value = _look_up(text, path)
    return value if isinstance(value, bool) else None


def _parse(text: str) -> str:
    value = _load(text)
    if value is _NOTHING:
        raise FunctionError(f"Cannot convert '{text[:80]}' to JSON")
    return dump(value)


def _array_length(text: str) -> int | None:
    value = _load(text)
    return len(value) if isinstance(value, list) else None


def _array_get(text: str, index: int) -> str | None:
    value = _load(text)
    if not isinstance(value, list) or index not in range(-len(value), len(value)):
        return None
    return dump(value[index])


def _contains(text: str, wanted: object) -> bool | None:
    value = _load(text)
    if not isinstance(value, list):
        return None
    return any(one == wanted and isinstance(one, bool) is isinstance(wanted, bool) for one in value)


def _size(text: str, path: str) -> int | None:
    value = _look_up(text, path)
    if value is _NOTHING:
        return None
    return len(value) if isinstance(value, list | dict) else 0


def _of_either(name: str, more: tuple[Type, ...], result: Type, run: Any) -> list[Function]:  # noqa: ANN401 - a function
    return [Function(name, (kind, *more), result, run) for kind in (JSON, VARCHAR)]


DOCUMENTS = (
    *_of_either("json_extract", (VARCHAR,), JSON, _extract),
    *_of_either("json_extract_scalar", (VARCHAR,), VARCHAR, _scalar),
    *_of_either("json_extract_long", (VARCHAR,), BIGINT, _whole),
    *_of_either("json_extract_double", (VARCHAR,), DOUBLE, _number),
    *_of_either("json_extract_bool", (VARCHAR,), BOOLEAN, _boolean),
    *_of_either("json_array_length", (), BIGINT, _array_length),
    *_of_either("json_array_get", (BIGINT,), JSON, _array_get),
    *_of_either("json_size", (VARCHAR,), BIGINT, _size),
    *(
        each
        for kind in (BIGINT, DOUBLE, VARCHAR)
        for each in _of_either("json_array_contains", (kind,), BOOLEAN, _contains)
    ),
    Function("json_parse", (VARCHAR,), JSON, _parse),
    Function("json_format", (JSON,), VARCHAR, str),
)


def scalar_of(text: str) -> str | None:
    """Return the text of JSON that is a scalar; None: it is null, or none."""
    return _show(_load(text))
