"""Expressions for SQLite, and what a statement of them needs beside its text: values and functions, under names of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from localcloud.sls.analysis.functions import FunctionError
from localcloud.sls.analysis.types import UNKNOWN, Type


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression for SQLite."""

    sql: str
    type: Type
    text: str | None = None  # the constant that it is, if it is one that is a text


NOTHING = Typed("NULL", UNKNOWN)


@dataclass(slots=True)
class Needs:
    """The parameters and functions of a statement, by their names."""

    parameters: dict[str, object] = field(default_factory=dict)
    functions: dict[str, tuple[Callable[..., Any], bool]] = field(default_factory=dict)  # and whether it is constant
    aggregates: dict[str, Callable[[], Any]] = field(default_factory=dict)
    _places: dict[tuple[type, object], str] = field(default_factory=dict)  # of parameters
    _names: dict[object, str] = field(default_factory=dict)  # of functions and aggregates
    _safe: bool = False  # within TRY

    def parameter(self, value: object) -> str:
        """Return the expression of a value."""
        key = (type(value), value)
        if key not in self._places:
            name = f"p{len(self.parameters)}"
            self.parameters[name] = value
            self._places[key] = f":{name}"
        return self._places[key]

    def run(self, run: Callable[..., Any], *arguments: str, constant: bool = True, safe: bool = False) -> str:
        """Return the expression of a function's result; one that is safe makes null of what it cannot do with."""
        safe = safe or self._safe
        name = self._names.setdefault((run, safe), f"f{len(self._names)}")
        self.functions[name] = (_safely(run) if safe else run, constant)
        return f"{name}({', '.join(arguments)})"

    def aggregate(self, collect: Callable[[], Any]) -> str:
        """Return the name of an aggregate."""
        name = self._names.setdefault(collect, f"f{len(self._names)}")
        self.aggregates[name] = collect
        return name

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Have the functions be safe that are needed in the context."""
        before, self._safe = self._safe, True
        try:
            yield
        finally:
            self._safe = before


def _safely(run: Callable[..., Any]) -> Callable[..., Any]:
    def safe(*values: Any) -> Any:  # noqa: ANN401 - of any type
        try:
            return run(*values)
        except FunctionError:
            return None

    return safe
