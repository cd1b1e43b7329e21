"""Expressions made into those of SQLite, with the types that Presto would find: columns, calls, aggregates and windows.

Sources: those of `localcloud.sls.analysis.translation`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from localcloud.sls.analysis.functions import AGGREGATES, FUNCTIONS, WINDOWS, Aggregate
from localcloud.sls.analysis.needs import Needs, Typed
from localcloud.sls.analysis.operators import Operators, Value
from localcloud.sls.analysis.scopes import INDEX, Rows, Scope, has_aggregate, matching, only_type, unresolved
from localcloud.sls.analysis.signatures import common_type
from localcloud.sls.analysis.syntax import (
    Array,
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Column,
    Constant,
    Exists,
    Expression,
    In,
    Interval,
    IsNull,
    Like,
    Logical,
    Order,
    Query,
    Scalar,
    Subscript,
    Unary,
    Window,
)
from localcloud.sls.analysis.tokens import missing, wrong
from localcloud.sls.analysis.types import BOOLEAN, UNKNOWN, Type
from localcloud.sls.errors import SlsError


class Values(ABC):
    """Makes expressions; who builds upon it makes the queries within them.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, now: float) -> None:
        self._needs = Needs()
        self._operators = Operators(self._needs, now=now)

    @abstractmethod
    def _query(self, query: Query, named: Mapping[str, Rows]) -> Rows:
        """Make a query within an expression; `named` are the queries of WITH."""

    def _condition(self, expression: Expression, scope: Scope, *, clause: str = "WHERE") -> str:
        value = self._value(expression, scope)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise wrong(expression.place, f"{clause} clause must evaluate to a boolean: actual type {value.type}")
        return value.sql

    def _value(self, expression: Expression, scope: Scope) -> Typed:
        if isinstance(expression, Column) and scope.aliases and not expression.table:
            meant = scope.aliases.get(expression.name.lower())
            if meant is not None and not [*matching(expression.name, "", scope.tables)]:
                return self._value(meant, replace(scope, aliases={}))
        if scope.groups is None:
            return self._bare(expression, scope)
        if not has_aggregate(expression) and not isinstance(expression, Constant | Interval | Scalar | Exists):
            if isinstance(expression, Call) and expression.window:
                return self._bare(expression, scope)
            alone = self._bare(expression, replace(scope, groups=None))
            if alone.sql in scope.groups:
                return alone
            if isinstance(expression, Column):
                raise SlsError("ParameterInvalid", f"Column '{expression.name}' not in GROUP BY clause{INDEX}")
        return self._bare(expression, scope)

    def _bare(self, expression: Expression, scope: Scope) -> Typed:
        value = partial(self._value, scope=scope)
        match expression:
            case Constant():
                return self._operators.constant(expression)
            case Interval():
                raise missing("an interval that is not added to a time")
            case Column():
                return self._column(expression, scope)
            case Unary():
                return self._operators.unary(expression, value(expression.operand))
            case Binary():
                return self._operators.binary(expression, value)
            case Logical():
                return self._operators.logical(expression, value)
            case IsNull():
                return Typed(
                    f"({value(expression.operand).sql} IS {'NOT ' if expression.negated else ''}NULL)", BOOLEAN
                )
            case Between():
                operand = value(expression.operand)
                low = self._operators.compare(">=", operand, value(expression.low), expression.place)
                high = self._operators.compare("<=", operand, value(expression.high), expression.place)
                return Typed(f"({'NOT ' if expression.negated else ''}({low.sql} AND {high.sql}))", BOOLEAN)
            case In():
                return self._in(expression, value, scope.named)
            case Like():
                return self._operators.like(expression, value)
            case Case():
                return self._operators.case(expression, value)
            case Cast():
                return self._operators.cast(value(expression.operand), expression)
            case Subscript():
                return self._operators.subscript(expression, value)
            case Array():
                return self._operators.array([value(each) for each in expression.items], expression.place)
            case Call():
                return self._call(expression, scope)
            case Scalar():
                rows = self._query(expression.query, scope.named)
                return Typed(f"({rows.sql})", only_type(rows, expression.place))
            case Exists():
                return Typed(f"EXISTS ({self._query(expression.query, scope.named).sql})", BOOLEAN)

    def _column(self, column: Column, scope: Scope) -> Typed:
        found = [*matching(column.name, column.table, scope.tables)]
        if not found and column.table:  # the name has a point in it: that of a field within JSON
            found = [*matching(f"{column.table}.{column.name}", "", scope.tables)]
        if not found:
            raise unresolved(column)
        if len(found) > 1:
            raise wrong(column.place, f"Column '{column.name}' is ambiguous")
        return Typed(found[0].sql(), found[0].type)

    def _in(self, test: In, value: Value, named: Mapping[str, Rows]) -> Typed:
        operand = value(test.operand)
        operator = "NOT IN" if test.negated else "IN"
        if isinstance(test.items, Query):
            rows = self._query(test.items, named)
            kind = common_type([operand.type, only_type(rows, test.place)])
            if kind is None:
                raise wrong(
                    test.place,
                    f"value and result of subquery must be of the same type for IN expression: {operand.type}",
                )
            inner = self._converted(rows, [kind])
            return Typed(f"({self._operators.coerce(operand, kind).sql} {operator} ({inner}))", BOOLEAN)
        return self._operators.within(operand, [value(each) for each in test.items], test)

    # Calls.

    def _call(self, call: Call, scope: Scope) -> Typed:
        name = call.name
        if name in AGGREGATES or name in WINDOWS:
            return self._over_rows(call, scope)
        if call.star or call.distinct or call.condition is not None or call.window is not None:
            what = "*" if call.star else "DISTINCT" if call.distinct else "FILTER" if call.condition else "OVER"
            if name in FUNCTIONS:
                raise wrong(call.place, f"{what} is not valid for {name}, which is no aggregate function")
        if name == "try" and len(call.arguments) == 1:
            with self._needs.trying():
                return self._value(call.arguments[0], scope)
        values = [self._value(each, scope) for each in call.arguments]
        return self._operators.call(name, values, call.place)

    def _over_rows(self, call: Call, scope: Scope) -> Typed:
        if scope.clause:
            if scope.clause == "aggregate":
                raise wrong(call.place, f"Cannot nest aggregations inside aggregation: [{call.name}]")
            kind = "JOIN" if scope.clause == "JOIN" else f"{scope.clause} clause"
            raise wrong(call.place, f"{kind} cannot contain aggregations or window functions: [{call.name}]")
        if call.window is None and call.name in WINDOWS:
            raise wrong(call.place, f"Window function {call.name} requires an OVER clause")
        if call.window is not None and scope.window:
            raise wrong(call.place, f"Cannot nest window functions inside window function: [{call.name}]")
        inner = (
            replace(scope, window=True)
            if call.window
            else Scope(tables=scope.tables, named=scope.named, clause="aggregate")
        )
        values = [self._value(each, inner) for each in call.arguments]
        if call.star and (call.name != "count" or values):
            raise wrong(call.place, f"* is not valid for {call.name}")
        if call.name in WINDOWS:
            return self._window_call(call, values, scope)
        aggregate, arguments, result = self._operators.suit(call.name, AGGREGATES[call.name], values, call.place)
        sql = self._aggregated(call, aggregate, arguments)
        if call.condition is not None:
            sql += f" FILTER (WHERE {self._condition(call.condition, inner, clause='FILTER')})"
        if call.window is not None:
            sql += self._over(call.window, scope)
        return Typed(sql, result)

    def _aggregated(self, call: Call, aggregate: Aggregate, arguments: Sequence[str]) -> str:
        distinct = "DISTINCT " if call.distinct else ""
        if not aggregate.native:
            assert aggregate.collect is not None
            if call.window is not None:
                raise missing(f"{call.name} over a window")
            if distinct and len(arguments) != 1:
                raise missing(f"DISTINCT in {call.name}")
            return f"{self._needs.aggregate(aggregate.collect)}({distinct}{', '.join(arguments)})"
        if distinct and (aggregate.native.startswith("count(CASE") or not arguments):
            raise missing(f"DISTINCT in {call.name}")
        if call.window is not None and (distinct or "DISTINCT" in aggregate.native):
            raise missing(f"DISTINCT in {call.name} over a window")
        argument = arguments[0] if arguments else ""
        return aggregate.native.format(argument if "DISTINCT" in aggregate.native else distinct + argument)

    def _window_call(self, call: Call, values: Sequence[Typed], scope: Scope) -> Typed:
        assert call.window is not None, "the caller sees to it"
        if call.distinct or call.condition is not None:
            raise missing(f"DISTINCT or FILTER in {call.name}")
        signatures = [Aggregate(call.name, parameters, result) for parameters, result in WINDOWS[call.name]]
        _, arguments, result = self._operators.suit(call.name, signatures, values, call.place)
        return Typed(f"{call.name}({', '.join(arguments)}){self._over(call.window, scope)}", result)

    def _over(self, window: Window, scope: Scope) -> str:
        scope = replace(scope, window=True, clause="OVER" if scope.groups is None else "")  # groups have aggregates
        parts = []
        if window.partition:
            listed = ", ".join(self._value(each, scope).sql for each in window.partition)
            parts.append(f"PARTITION BY {listed}")
        if window.order:
            listed = ", ".join(directed(self._value(each.expression, scope).sql, each) for each in window.order)
            parts.append(f"ORDER BY {listed}")
        return f" OVER ({' '.join([*parts, window.frame]).strip()})"

    def _converted(self, rows: Rows, kinds: Sequence[Type]) -> str:
        """Return a query whose columns are of other types."""
        columns = [
            self._operators.coerce(Typed(f"c{place}", have), want).sql + f" AS c{place}"
            for place, ((_, have), want) in enumerate(zip(rows.columns, kinds, strict=True))
        ]
        return f"SELECT {', '.join(columns)} FROM ({rows.sql})"  # noqa: S608 - likewise


def directed(sql: str, order: Order) -> str:
    """Return an expression with the direction that rows are ordered in."""
    return f"{sql} {'DESC' if order.descending else 'ASC'} NULLS {'FIRST' if order.nulls_first else 'LAST'}"


def order_by(orders: Sequence[str]) -> str:
    """Return the clause that orders rows; empty: they are not."""
    return f" ORDER BY {', '.join(orders)}" if orders else ""
