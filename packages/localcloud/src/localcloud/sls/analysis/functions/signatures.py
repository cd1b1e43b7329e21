"""The signatures of functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.sls.analysis.types import Type


class FunctionError(Exception):
    """A function cannot do with its values; the message is the caller's."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that makes a value of others."""

    name: str
    parameters: tuple[Type, ...]
    result: Type
    run: Callable[..., Any]  # without null, of which it makes null
    rest: Type | None = None  # of further arguments; None: there are none
    constant: bool = True  # the same values make the same one


class Collects(Protocol):
    """What an aggregate is while rows come."""

    def step(self, *values: Any) -> None:  # noqa: ANN401 - of any type
        """Take the values of a row."""

    def finalize(self) -> Any:  # noqa: ANN401 - likewise
        """Return the value of all rows."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A function that makes a value of many rows."""

    name: str
    parameters: tuple[Type, ...]
    result: Type
    native: str = ""  # the SQL that does it, with {0} for the argument; empty: `collect` does it
    collect: Callable[[], Collects] | None = None
