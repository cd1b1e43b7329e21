"""The tree of a statement. Places, which errors name, are no part of what makes two expressions the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Position:
    """The place of something in a statement."""

    line: int  # the first one is 1
    column: int  # likewise

    def __str__(self) -> str:
        return f"line {self.line}:{self.column}"


_NOWHERE = Position(1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    place: Position = field(default=_NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant(_Node):
    """A value as it stands there."""

    value: str | int | float | bool | None
    kind: str = ""  # timestamp or date, of a text that is one


@dataclass(frozen=True, slots=True)
class Interval(_Node):
    """A stretch of time."""

    count: int
    unit: str  # second, minute, hour, day, month or year


@dataclass(frozen=True, slots=True)
class Column(_Node):
    """A column, by its name."""

    name: str
    table: str = ""  # empty: of whichever table has it
    quoted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unary(_Node):
    """A sign, or `not`."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(_Node):
    """An operator between two operands: of numbers, of texts, or a comparison."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logical(_Node):
    """Conditions with `and` or `or` between them."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsNull(_Node):
    """The question whether there is a value."""

    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Between(_Node):
    """The question whether a value lies between two others."""

    operand: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class In(_Node):
    """The question whether a value is among some."""

    operand: Expression
    items: tuple[Expression, ...] | Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Like(_Node):
    """The question whether a text is of a pattern."""

    operand: Expression
    pattern: Expression
    escape: Expression | None
    negated: bool


@dataclass(frozen=True, slots=True)
class Case(_Node):
    """The value of the first condition that holds."""

    operand: Expression | None  # what the conditions are compared with; None: they are conditions themselves
    whens: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Cast(_Node):
    """A value as one of another type."""

    operand: Expression
    type: str
    safe: bool  # none, where it cannot be one


@dataclass(frozen=True, slots=True)
class Subscript(_Node):
    """An element of an array."""

    operand: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Array(_Node):
    """An array, by its elements."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Order(_Node):
    """An expression by which rows are ordered."""

    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Window(_Node):
    """The rows around one, over which a function goes."""

    partition: tuple[Expression, ...]
    order: tuple[Order, ...]
    frame: str  # as SQL has it; empty: the usual one


@dataclass(frozen=True, slots=True)
class Call(_Node):
    """A call of a function."""

    name: str  # in lower case
    arguments: tuple[Expression, ...]
    star: bool = False  # `count(*)`
    distinct: bool = False
    condition: Expression | None = None  # of the rows that an aggregate takes
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Scalar(_Node):
    """The only value of a query."""

    query: Query


@dataclass(frozen=True, slots=True)
class Exists(_Node):
    """The question whether a query has rows."""

    query: Query


Expression: TypeAlias = (
    Constant
    | Interval
    | Column
    | Unary
    | Binary
    | Logical
    | IsNull
    | Between
    | In
    | Like
    | Case
    | Cast
    | Subscript
    | Array
    | Call
    | Scalar
    | Exists
)


@dataclass(frozen=True, slots=True)
class Item(_Node):
    """A column of a result."""

    expression: Expression
    alias: str  # empty: none


@dataclass(frozen=True, slots=True)
class Star(_Node):
    """All columns of a table."""

    table: str  # empty: of all tables


@dataclass(frozen=True, slots=True)
class Table(_Node):
    """A table by its name."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Derived(_Node):
    """The rows of a query as a table."""

    query: Query
    alias: str
    columns: tuple[str, ...]  # their names; none: those of the query


@dataclass(frozen=True, slots=True)
class Join(_Node):
    """Two tables side by side."""

    kind: str  # inner, left, right, full or cross
    left: Source
    right: Source
    condition: Expression | None
    using: tuple[str, ...]


Source: TypeAlias = Table | Derived | Join


@dataclass(frozen=True, slots=True)
class Select(_Node):
    """One `SELECT`."""

    items: tuple[Item | Star, ...]
    distinct: bool
    source: Source | None
    where: Expression | None
    group: tuple[Expression, ...] | None  # None: rows are not grouped
    having: Expression | None


@dataclass(frozen=True, slots=True)
class Combined(_Node):
    """The rows of two queries together."""

    operator: str  # union, union all, except or intersect
    left: Body
    right: Body


Body: TypeAlias = "Select | Combined | Query"


@dataclass(frozen=True, slots=True)
class Query(_Node):
    """A query with all that belongs to it."""

    named: tuple[tuple[str, Query], ...]  # the queries that `WITH` gives names to
    body: Body
    order: tuple[Order, ...]
    limit: int | None
    offset: int | None
    offset_first: bool = field(default=False, compare=False)  # `LIMIT 10, 20`


def children(expression: Expression) -> Sequence[Expression]:
    """Return the expressions that one is made of, without those of queries within it."""
    match expression:
        case Unary(operand=operand) | IsNull(operand=operand) | Cast(operand=operand):
            return [operand]
        case Binary(left=left, right=right):
            return [left, right]
        case Logical(operands=operands) | Array(items=operands):
            return operands
        case Between(operand=operand, low=low, high=high):
            return [operand, low, high]
        case In(operand=operand, items=items):
            return [operand] if isinstance(items, Query) else [operand, *items]
        case Like(operand=operand, pattern=pattern, escape=escape):
            return [operand, pattern, *([escape] if escape else [])]
        case Case(operand=subject, whens=whens, otherwise=otherwise):
            inner = [subject, *(each for when in whens for each in when), otherwise]
            return [each for each in inner if each is not None]
        case Subscript(operand=operand, index=index):
            return [operand, index]
        case Call(arguments=arguments, condition=condition, window=window):
            around = [*window.partition, *(each.expression for each in window.order)] if window else []
            return [*arguments, *([condition] if condition else []), *around]
        case _:
            return []
