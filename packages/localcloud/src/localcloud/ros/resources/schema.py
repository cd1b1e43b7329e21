"""The properties of a resource, checked against what its type declares. Pure.

ROS converts simple values: "3" is an integer, `true` a string where one is asked for ("Template syntax", "Properties"). All that
is wrong is told at once, each with the path to it: `Property Code.OssBucketName: …`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.provider import Properties, Property
from localcloud.ros.template.bounds import is_finite


def check_properties(properties: Mapping[str, Property], given: Mapping[str, object]) -> dict[str, object]:
    """Check the properties of a resource and convert their values.

    Args:
        properties: what the type declares, by name.
        given: what the template gives; None is the same as not given.

    Returns:
        What was given, converted; what was not given is absent.

    Raises:
        ResourceError: naming each unknown or missing property and each value that is not allowed or not implemented.
    """
    checker = _Checker()
    checked = checker.fields("", properties, given)
    if checker.problems:
        raise ResourceError("; ".join(checker.problems))
    return checked


def needs_replacement(properties: Mapping[str, Property], before: Properties, after: Properties) -> bool:
    """Return whether a change needs a new resource.

    Args:
        properties: what the type declares, by name.
        before: checked properties of the resource as it is.
        after: checked properties as they are to be.
    """
    return any(each.replaces and before.get(name) != after.get(name) for name, each in properties.items())


class _NotConvertibleError(Exception):
    """A value is not of the kind that was asked for."""


class _Checker:
    """Walks through values and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def fields(self, path: str, known: Mapping[str, Property], given: Mapping[str, object]) -> dict[str, object]:
        prefix = f"{path}." if path else ""
        present = {name: value for name, value in given.items() if value is not None}
        for name in sorted(present.keys() - known.keys()):
            self._refuse(f"{prefix}{name}", f"unknown; known are {', '.join(sorted(known))}")
        for name, each in known.items():
            if each.required and name not in present:
                self._refuse(f"{prefix}{name}", "required, but missing")
        return {name: self._value(f"{prefix}{name}", known[name], present[name]) for name in present if name in known}

    def _refuse(self, path: str, problem: str) -> None:
        self.problems.append(f"Property {path}: {problem}")

    def _value(self, path: str, asked: Property, given: object) -> object:
        try:
            value = _CONVERT[asked.kind](given)
        except _NotConvertibleError:
            self._refuse(path, f"{given!r} is not of the type {asked.kind}")
            return given
        for problem in _limits(asked, value):
            self._refuse(path, problem)
        if asked.supported is not None and value not in asked.supported and not _asks_for_nothing(value):
            self._refuse(path, f"not implemented: {path.rpartition('.')[2]}{_only(asked.supported)}")
        if isinstance(value, Mapping) and asked.fields:
            return self.fields(path, asked.fields, value)
        if isinstance(value, Mapping) and asked.items:
            return self.fields(path, dict.fromkeys(value, asked.items), value)
        if isinstance(value, list) and asked.items:
            return [self._value(f"{path}[{number}]", asked.items, item) for number, item in enumerate(value)]
        return value


def _limits(asked: Property, value: object) -> Iterator[str]:
    if asked.choices and value not in asked.choices:
        yield f"{value!r} is not one of {', '.join(str(choice) for choice in asked.choices)}"
    if isinstance(value, str | list | Mapping):
        size: float = len(value)
        what = f"the length {len(value)}"
    elif isinstance(value, int | float):
        size, what = value, str(value)
    else:
        return
    if asked.minimum is not None and size < asked.minimum:
        yield f"{what} is less than {asked.minimum:g}"
    if asked.maximum is not None and size > asked.maximum:
        yield f"{what} is more than {asked.maximum:g}"


def _asks_for_nothing(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_asks_for_nothing(each) for each in value.values())
    return not value and (isinstance(value, bool) or not isinstance(value, int | float))


def _only(supported: tuple[object, ...]) -> str:
    return f" other than {', '.join(str(value) for value in supported)}" if supported else ""


def _to_string(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _NotConvertibleError


def _to_number(value: object) -> int | float:
    if isinstance(value, bool):
        raise _NotConvertibleError
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        for kind in (int, float):
            try:
                number: int | float = kind(value)
            except ValueError:
                continue
            if is_finite(number):
                return number
    raise _NotConvertibleError


def _to_integer(value: object) -> int:
    number = _to_number(value)
    if isinstance(number, float) and not number.is_integer():
        raise _NotConvertibleError
    return int(number)


def _to_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _NotConvertibleError


def _to_map(value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise _NotConvertibleError


def _to_list(value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return list(value)
    raise _NotConvertibleError


_CONVERT: Mapping[str, Callable[[object], object]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "map": _to_map,
    "list": _to_list,
    "any": lambda value: value,
}
