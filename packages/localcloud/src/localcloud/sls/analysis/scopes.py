"""What names mean within a query: its tables and their columns, and what else an expression may name or have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from localcloud.sls.analysis.functions import AGGREGATES
from localcloud.sls.analysis.syntax import (
    Call,
    Column,
    Expression,
    Position,
    children,
)
from localcloud.sls.analysis.tokens import wrong
from localcloud.sls.analysis.types import Type
from localcloud.sls.errors import SlsError

INDEX = ";please add the column in the index attribute"  # what SLS adds to its errors of columns


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table that a query has."""

    name: str
    type: Type
    sql: Callable[[], str]  # which notes that it is used


@dataclass(frozen=True, slots=True)
class Named:
    """A table that a query has."""

    alias: str
    fields: Sequence[Field]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What an expression may name, and have."""

    tables: Sequence[Named]
    named: Mapping[str, Rows]  # the queries of WITH, by name
    clause: str  # of the query, in which neither aggregates nor windows are; empty: they may be
    window: bool = False  # it stands within one
    aliases: Mapping[str, Expression] = field(default_factory=dict)  # what else it may name, by its name in lower case
    # The expressions that rows are grouped by; None: they are not, or here it does not count.
    groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A query for SQLite."""

    sql: str
    columns: Sequence[tuple[str, Type]]


def fields_of(alias: str, columns: Sequence[tuple[str, Type]]) -> list[Field]:
    """Return the columns of a query in FROM, by its alias."""

    def reference(place: int) -> Callable[[], str]:
        return lambda: f"{alias}.c{place}"

    return [Field(name, kind, reference(place)) for place, (name, kind) in enumerate(columns)]


def matching(name: str, table: str, tables: Sequence[Named]) -> Iterator[Field]:
    """Yield the columns of a name: those that are written so, or else those that differ in case alone."""
    fields = [each for one in tables if not table or one.alias.lower() == table.lower() for each in one.fields]
    exact = [each for each in fields if each.name == name]
    yield from exact or [each for each in fields if each.name.lower() == name.lower()]


def unresolved(column: Column) -> SlsError:
    """Return the error of a column that nothing has."""
    name = f"{column.table}.{column.name}" if column.table else column.name
    why = f"Column '{name[:200]}' cannot be resolved"
    if column.quoted:
        return wrong(
            column.place,
            f'{why}; it seems {name[:200]} is wrapper by ";if {name[:200]} is a string ,not a key field, '
            f"please use '{name[:200]}'",
        )
    return wrong(column.place, f"{why}{INDEX}")


def only_type(rows: Rows, place: Position) -> Type:
    """Return the type of the only column of a query."""
    if len(rows.columns) != 1:
        raise wrong(place, f"Multiple columns returned by subquery are not yet supported. Found {len(rows.columns)}")
    return rows.columns[0][1]


def has_aggregate(expression: Expression) -> bool:
    """Return whether an aggregate function stands within an expression, other than over a window."""
    if isinstance(expression, Call) and expression.name in AGGREGATES and expression.window is None:
        return True
    return any(map(has_aggregate, children(expression)))
