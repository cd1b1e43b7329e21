"""From the entries of a text to plain values: a key that stands twice, and a value out of bounds, are refused."""

from __future__ import annotations

from itertools import count

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import MAX_DEPTH, MAX_VALUES, check_scalar


class Pairs(list[tuple[str, object]]):
    """The entries of a mapping as they were written, duplicates included."""


def to_plain(value: object) -> object:
    """Return a value that a text spells with its mappings as dicts.

    Raises:
        TemplateError: it holds a key twice, or is out of bounds, and where.
    """
    return _plain(value, "", 0, count())


def _plain(value: object, place: str, depth: int, seen: count[int]) -> object:
    if depth > MAX_DEPTH:
        raise TemplateError(f"{place}: the template is nested too deeply: {MAX_DEPTH} levels are allowed")
    if next(seen) >= MAX_VALUES:
        raise TemplateError(f"{place}: the template holds more than {MAX_VALUES} values")
    match value:
        case Pairs():
            result: dict[str, object] = {}
            for key, each in value:
                if key in result:
                    raise TemplateError(f"{place or 'the template'}: the key {key} stands there twice")
                result[key] = _plain(each, f"{place}.{key}" if place else key, depth + 1, seen)
            return result
        case list():
            return [_plain(each, f"{place}[{index}]", depth + 1, seen) for index, each in enumerate(value)]
        case _:
            check_scalar(value, place)
            return value
