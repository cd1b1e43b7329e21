"""Frozen dataclasses whose methods are made when the first value is.

`dataclass` writes the source of half a dozen methods for each class and compiles it: a third of a start, for classes most of which
one process never makes a value of. Within `postponed_methods` a class gets its slots alone. The first value, or whoever looks at
the fields, has the real `dataclass` make the rest; from then on it is as if nothing had been postponed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any

_REAL = dataclasses.dataclass
_FIELDS = "__dataclass_fields__"  # what the functions of dataclasses look at, and classes that derive from one
_FIRST = ("__init__", "__setstate__")  # a value begins with one of them
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")  # annotated with one of them, a name is no slot
_LOCK = RLock()  # held while a class is completed, and with it those that it derives from


@contextmanager
def postponed_methods(package: str) -> Iterator[None]:
    """Postpone the methods of the frozen dataclasses with slots that modules of a package define meanwhile."""

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:  # noqa: ANN401 - a class, or what decorates one
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        if cls.__module__.partition(".")[0] == package and _can_wait(cls, options):
            return _Rest(cls, options).made
        return _REAL(cls, **options)

    vars(dataclasses)["dataclass"] = dataclass
    try:
        yield
    finally:
        vars(dataclasses)["dataclass"] = _REAL


def _can_wait(cls: type, options: Mapping[str, bool]) -> bool:
    kinds = vars(cls).get("__annotations__", {}).values()
    plain = all(isinstance(kind, str) and not any(word in kind for word in _NO_FIELDS) for kind in kinds)
    return plain and "__init__" not in vars(cls) and options.get("frozen", False) and options.get("slots", False)


class _Rest:
    """What is still to be made of a class, at the place of its fields.

    Args:
        given: the class as it was written.
        options: those of `dataclass`.
    """

    def __init__(self, given: type, options: Mapping[str, bool]) -> None:
        self._given: type | None = given  # None: nothing is left to be made
        self._options = options
        self._own = [*vars(given).get("__annotations__", ())]
        self._written = dict(vars(given))
        inherited = {slot for base in given.__mro__ for slot in vars(base).get("__slots__", ())}
        left_out = {*self._own, "__dict__", "__weakref__"}  # the defaults, and what a class with slots has none of
        namespace = {name: value for name, value in self._written.items() if name not in left_out}
        slots = tuple(name for name in self._own if name not in inherited)
        rest = {_FIELDS: self, **{name: self._completing(name) for name in _FIRST}}
        self.made = type(given)(given.__name__, given.__bases__, {**namespace, "__slots__": slots, **rest})
        self.made.__qualname__ = given.__qualname__

    def __get__(self, _: object, owner: type) -> Any:  # noqa: ANN401 - the fields, as dataclasses keep them
        self._complete()
        return getattr(owner, _FIELDS)

    def _completing(self, name: str) -> Callable[..., None]:
        def method(value: object, /, *args: object, **named: object) -> None:
            self._complete()
            getattr(value, name)(*args, **named)

        return method

    def _complete(self) -> None:
        with _LOCK:
            given, self._given = self._given, None
            if given is None:
                return
            whole = vars(_REAL(given, **self._options))
            new = {name for name, value in whole.items() if value is not self._written.get(name)}
            ours = [name for name in new.difference(self._own) if name.startswith("__") and name != "__slots__"]
            for name in sorted(ours, key=_FIRST.__contains__):  # no other thread finds a part
                setattr(self.made, name, whole[name])
