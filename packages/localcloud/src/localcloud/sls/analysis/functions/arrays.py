"""Functions of arrays. Source: SLS, "Array functions and operators"."""

from __future__ import annotations

import json
from typing import Any

from localcloud.sls.analysis.functions.signatures import Function, FunctionError
from localcloud.sls.analysis.types import BIGINT, BOOLEAN, VARCHAR, E, array, dump


def _load(text: str) -> list[Any]:
    loaded: list[Any] = json.loads(text)
    return loaded


def subscript(text: str, index: int) -> Any:  # noqa: ANN401 - an element
    """Return an element by its place, the first of which is 1."""
    if index == 0:
        raise FunctionError("SQL array indices start at 1")
    items = _load(text)
    if not 0 < index <= len(items):
        raise FunctionError("Array subscript is negative" if index < 0 else "Array subscript out of bounds")
    return items[index - 1]


def _element_at(text: str, index: int) -> Any:  # noqa: ANN401 - likewise
    if index == 0:
        raise FunctionError("SQL array indices start at 1")
    items = _load(text)
    place = index - 1 if index > 0 else index
    return items[place] if place in range(-len(items), len(items)) else None


def _join(text: str, delimiter: str, instead: str | None = None) -> str:
    shown = [instead if item is None else item if isinstance(item, str) else dump(item) for item in _load(text)]
    return delimiter.join(item for item in shown if item is not None)


def _distinct(text: str) -> str:
    return dump([*dict.fromkeys(_load(text))])


def _sort(text: str) -> str:
    items = _load(text)
    return dump([*sorted(item for item in items if item is not None), *(item for item in items if item is None)])


def _extreme(largest: bool) -> Any:  # noqa: ANN401 - a function
    def extreme(text: str) -> Any:  # noqa: ANN401 - an element
        items = _load(text)
        if not items or None in items:
            return None
        return max(items) if largest else min(items)

    return extreme


def _slice(text: str, start: int, length: int) -> str:
    items = _load(text)
    if start == 0 or length < 0:
        raise FunctionError("SQL array indices start at 1")
    begin = start - 1 if start > 0 else len(items) + start
    return dump(items[begin : begin + length] if begin >= 0 else [])


_ARRAY = array(E)
ARRAYS = (
    Function("cardinality", (_ARRAY,), BIGINT, lambda text: len(_load(text))),
    Function("element_at", (_ARRAY, BIGINT), E, _element_at),
    Function("contains", (_ARRAY, E), BOOLEAN, lambda text, item: item in _load(text)),
    Function("array_join", (_ARRAY, VARCHAR), VARCHAR, _join),
    Function("array_join", (_ARRAY, VARCHAR, VARCHAR), VARCHAR, _join),
    Function("array_distinct", (_ARRAY,), _ARRAY, _distinct),
    Function("array_sort", (_ARRAY,), _ARRAY, _sort),
    Function("array_max", (_ARRAY,), E, _extreme(True)),
    Function("array_min", (_ARRAY,), E, _extreme(False)),
    Function("reverse", (_ARRAY,), _ARRAY, lambda text: dump(_load(text)[::-1])),
    Function("slice", (_ARRAY, BIGINT, BIGINT), _ARRAY, _slice),
)
