"""Reads a JSON object field by field; an error names the path to its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

MAX_INTEGER = 1 << 48  # no size or count of ours is larger


class FieldError(Exception):
    """A field is missing or not of its type; the message holds its path and its value."""


class Fields:
    """A JSON object.

    Args:
        record: the object.
        path: to it in its document; empty for the document itself.
        document: the document's name, for an error that has no path.

    Raises:
        FieldError: it is no object; so do all methods, for a field that is missing or of another type.
    """

    def __init__(self, record: object, path: str = "", *, document: str = "the document") -> None:
        if not isinstance(record, dict):
            raise FieldError(f"{path or document}: is not an object")
        self._record = record
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._record

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def fields(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self._get(name), self.where(name))

    def each(self, name: str) -> Iterator[Fields]:
        """Return the objects of a list."""
        return (Fields(item, f"{self.where(name)}[{number}]") for number, item in enumerate(self._list(name)))

    def columns(self, name: str, kinds: Mapping[str, type]) -> list[list[Any]]:
        """Return the values of each field over a list's objects: thousands of them in a fraction of what `each` takes.

        Args:
            name: of the list.
            kinds: of the fields: `int`, a whole number from 0 to `MAX_INTEGER`, or `str`.
        """
        items = self._list(name)
        try:
            found = [[item[field] for item in items] for field in kinds]
        except (KeyError, TypeError, IndexError):
            found = []
        if not found or not all(map(_are, found, kinds.values())):
            for each in self.each(name):  # one of them is wrong: say which
                for field, kind in kinds.items():
                    each.integer(field) if kind is int else each.text(field)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        items = self._list(name)
        for number, item in enumerate(items):
            if not isinstance(item, str):
                raise FieldError(f"{self.where(name)}[{number}]: is not a string")
        return tuple(items)

    def pairs(self, name: str) -> list[list[int]]:
        """Return a list's pairs of whole numbers from 0 to `MAX_INTEGER`."""
        items = self._list(name)
        for number, item in enumerate(items):
            if not isinstance(item, list) or len(item) != 2 or not (_is_integer(item[0]) and _is_integer(item[1])):
                raise FieldError(f"{self.where(name)}[{number}]: is not two whole numbers from 0 to {MAX_INTEGER}")
        return items

    def text(self, name: str) -> str:
        """Return a string."""
        value = self._get(name)
        if not isinstance(value, str):
            raise FieldError(f"{self.where(name)}: is not a string")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise FieldError(f"{self.where(name)}: is neither true nor false")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number from 0 to `MAX_INTEGER`."""
        value = self._get(name)
        if not _is_integer(value):
            raise FieldError(f"{self.where(name)}: is {value!r:.40}, not a whole number from 0 to {MAX_INTEGER}")
        return value

    def where(self, name: str) -> str:
        """Return the path of a field in the document."""
        return f"{self._path}.{name}" if self._path else name

    def _list(self, name: str) -> list[Any]:
        value = self._get(name)
        if not isinstance(value, list):
            raise FieldError(f"{self.where(name)}: is not a list")
        return value

    def _get(self, name: str) -> object:
        if name not in self._record:
            raise FieldError(f"{self.where(name)}: is missing")
        value: object = self._record[name]
        return value


def _are(values: list[Any], kind: type) -> bool:
    if set(map(type, values)) - {kind}:
        return False
    return kind is not int or not values or (min(values) >= 0 and max(values) < MAX_INTEGER)


def _is_integer(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < MAX_INTEGER
