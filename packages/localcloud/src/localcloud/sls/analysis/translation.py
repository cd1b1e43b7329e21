"""A statement made into one for SQLite, with the types that Presto would find: its queries, tables, columns and aggregates.

Nothing of the statement's text goes into what SQLite is given: names of tables, columns and functions are our own, values are
parameters. What may stand in it is what stands here.

Sources: SLS, "SELECT statement" and the pages of its clauses, "Common errors when querying and analyzing logs".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.sls.analysis.functions import AGGREGATES, FUNCTIONS, WINDOWS, Aggregate
from localcloud.sls.analysis.needs import Needs, Typed
from localcloud.sls.analysis.operators import Operators, Value
from localcloud.sls.analysis.signatures import common_type
from localcloud.sls.analysis.syntax import (
    Array,
    Between,
    Binary,
    Body,
    Call,
    Case,
    Cast,
    Column,
    Combined,
    Constant,
    Derived,
    Exists,
    Expression,
    In,
    Interval,
    IsNull,
    Item,
    Join,
    Like,
    Logical,
    Order,
    Position,
    Query,
    Scalar,
    Select,
    Source,
    Star,
    Subscript,
    Table,
    Unary,
    Window,
    children,
)
from localcloud.sls.analysis.tokens import missing, wrong
from localcloud.sls.analysis.types import (
    BOOLEAN,
    UNKNOWN,
    Type,
)
from localcloud.sls.errors import SlsError

ROWS = 100  # of an answer, unless a statement has a limit (SLS, "LIMIT clause")
MAX_ROWS = 1_000_000  # likewise
MAX_PAGE = 10_000  # rows of `LIMIT 10, 20`; likewise
UNASKED = frozenset({"__date__", "__time_ns_part__"})  # columns that are not among all of a table (assumed)
INDEX = ";please add the column in the index attribute"  # what SLS adds to its errors of columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement for SQLite."""

    sql: str
    parameters: Mapping[str, object]  # some of which it may not name
    columns: Sequence[tuple[str, Type]]
    tables: Mapping[str, Mapping[str, str]]  # by logstore: the names of the columns that it needs, by those of SLS
    names: Mapping[str, str]  # the names of the tables, by logstore
    functions: Mapping[str, tuple[Callable[..., Any], bool]]  # by name: what it does, and whether it is constant
    aggregates: Mapping[str, Callable[[], Any]]
    limit: int


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of a table that a query has."""

    name: str
    type: Type
    sql: Callable[[], str]  # which notes that it is used


@dataclass(frozen=True, slots=True)
class _Named:
    """A table that a query has."""

    alias: str
    fields: Sequence[_Field]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """What an expression may name, and have."""

    tables: Sequence[_Named]
    clause: str  # of the query, in which neither aggregates nor windows are; empty: they may be
    window: bool = False  # it stands within one
    aliases: Mapping[str, Expression] = field(default_factory=dict)  # what else it may name, by its name in lower case
    # The expressions that rows are grouped by; None: they are not, or here it does not count.
    groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Rows:
    """A query for SQLite."""

    sql: str
    columns: Sequence[tuple[str, Type]]


def translate(query: Query, tables: Mapping[str, Mapping[str, Type]], *, default: str, now: float) -> Statement:
    """Return a statement for SQLite.

    Args:
        query: the statement.
        tables: the columns of each logstore that it may name.
        default: the logstore that it is about when it names none; empty: it has to.
        now: seconds since the epoch.

    Raises:
        SlsError: ParameterInvalid or NotImplemented.
    """
    return _Translator(tables, default, now).statement(query)


class _Translator:
    def __init__(self, tables: Mapping[str, Mapping[str, Type]], default: str, now: float) -> None:
        self._tables = tables
        self._default = default
        self._needs = Needs()
        self._operators = Operators(self._needs, now=now)
        self._used: dict[str, dict[str, str]] = {}
        self._names: dict[str, str] = {}
        self._aliases = 0
        self._withs: list[str] = []

    # Queries.

    def statement(self, query: Query) -> Statement:
        limit = ROWS if query.limit is None else query.limit
        offset = query.offset or 0
        if limit > MAX_ROWS or limit + offset > MAX_ROWS or (query.offset_first and limit > MAX_PAGE):
            raise SlsError("ParameterInvalid", f"reading data with pagination only allow reading max {MAX_ROWS} rows")
        rows = self._query(replace(query, limit=limit), {}, top=True)
        prefix = f"WITH {', '.join(self._withs)} " if self._withs else ""
        return Statement(
            sql=prefix + rows.sql,
            parameters=self._needs.parameters,
            columns=rows.columns,
            tables=self._used,
            names=self._names,
            functions=self._needs.functions,
            aggregates=self._needs.aggregates,
            limit=limit,
        )

    def _query(self, query: Query, named: Mapping[str, _Rows], *, top: bool = False) -> _Rows:
        if query.offset_first and not top:
            raise wrong(query.place, "LIMIT with an offset is not supported within a subquery")
        for name, inner in query.named:
            rows = self._query(inner, named)
            with_name = f"w{len(self._withs)}"
            names = ", ".join(f"c{place}" for place in range(len(rows.columns)))
            self._withs.append(f"{with_name}({names}) AS ({rows.sql})")
            named = {**named, name.lower(): _Rows(with_name, rows.columns)}
        match query.body:
            case Select() as select:
                rows = self._select(select, query.order, named, top=top)
            case body:
                rows = self._body(body, named, top=top)
                order = [self._order_of_columns(each, rows.columns) for each in query.order]
                rows = replace(rows, sql=f"SELECT * FROM ({rows.sql}){_ordered(order)}")  # noqa: S608 - our own text
        limit = "" if query.limit is None else f" LIMIT {query.limit}"
        if query.offset:
            limit = f"{limit or ' LIMIT -1'} OFFSET {query.offset}"
        return replace(rows, sql=rows.sql + limit)

    def _body(self, body: Body, named: Mapping[str, _Rows], *, top: bool) -> _Rows:
        match body:
            case Query():
                return self._query(body, named, top=top)
            case Select():
                return self._select(body, (), named, top=top)
            case Combined():
                left, right = (self._body(each, named, top=top) for each in (body.left, body.right))
                if len(left.columns) != len(right.columns):
                    raise wrong(
                        body.place,
                        f"{body.operator.split()[0].upper()} query has different number of fields: "
                        f"{len(left.columns)}, {len(right.columns)}",
                    )
                kinds = []
                for place, ((_, one), (_, other)) in enumerate(zip(left.columns, right.columns, strict=True), 1):
                    common = common_type([one, other])
                    if common is None:
                        raise wrong(
                            body.place,
                            f"column {place} in {body.operator.split()[0].upper()} query has incompatible types: {one}, {other}",
                        )
                    kinds.append(common)
                sides = [self._converted(each, kinds) for each in (left, right)]
                columns = [(name, kind) for (name, _), kind in zip(left.columns, kinds, strict=True)]
                return _Rows(f" {body.operator.upper()} ".join(sides), columns)

    def _converted(self, rows: _Rows, kinds: Sequence[Type]) -> str:
        """Return a query whose columns are of other types."""
        columns = [
            self._operators.coerce(Typed(f"c{place}", have), want).sql + f" AS c{place}"
            for place, ((_, have), want) in enumerate(zip(rows.columns, kinds, strict=True))
        ]
        return f"SELECT {', '.join(columns)} FROM ({rows.sql})"  # noqa: S608 - likewise

    def _select(self, select: Select, order: Sequence[Order], named: Mapping[str, _Rows], *, top: bool) -> _Rows:
        source, tables = self._source_of(select, named, top=top)
        plain = _Scope(tables=tables, clause="")
        where = ""
        if select.where is not None:
            where = f" WHERE {self._condition(select.where, replace(plain, clause='WHERE'), named)}"
        items = [*self._items(select.items, tables)]
        aliases = {alias.lower(): place for place, (alias, _) in reversed([*enumerate(items)]) if alias}
        orders = [self._by_alias(each.expression, items, aliases) for each in order]
        every = [
            *(item for _, item in items if not isinstance(item, _Field)),
            *([select.having] if select.having else []),
        ]
        every += [each for each in orders if not isinstance(each, int)]
        grouped = select.group is not None or select.having is not None or any(map(_has_aggregate, every))
        groups: list[str] = []
        for expression in select.group or ():
            inner = self._grouped_by(expression, items, aliases, tables)
            groups.append(
                inner.sql()
                if isinstance(inner, _Field)
                else self._value(inner, replace(plain, clause="GROUP BY"), named).sql
            )
        scope = replace(plain, groups=frozenset(groups)) if grouped else plain
        values = [self._item(each, scope, named) for _, each in items]
        columns = [
            (alias or _name(each, place), value.type)
            for place, ((alias, each), value) in enumerate(zip(items, values, strict=True))
        ]
        chosen = ", ".join(f"{value.sql} AS c{place}" for place, value in enumerate(values))
        sql = f"SELECT {'DISTINCT ' if select.distinct else ''}{chosen}{source}{where}"
        if groups:
            sql += f" GROUP BY {', '.join(groups)}"
        having = "1"
        # Which SLS lets them name ("HAVING clause").
        scope = replace(scope, aliases={a.lower(): each for a, each in items if a and not isinstance(each, _Field)})
        if select.having is not None:
            having = self._condition(select.having, scope, named, clause="HAVING")
            sql += f" HAVING {having}"
        ordered = []
        for each, by in zip(order, orders, strict=True):
            if isinstance(by, int):
                ordered.append(_directed(str(by + 1), each))
                continue
            by_sql = self._value(by, scope, named).sql
            if select.distinct and by_sql not in {value.sql for value in values}:
                raise wrong(each.place, "For SELECT DISTINCT, ORDER BY expressions must appear in select list")
            ordered.append(_directed(by_sql, each))
        if grouped and not groups:  # one row, or none; the count tells SQLite so
            names = ", ".join(f"c{place}" for place in range(len(values)))
            row = f"SELECT {chosen}, count(*) >= 0 AND {having} AS kept{source}{where}"
            return _Rows(f"SELECT {names} FROM ({row}) WHERE kept", columns)  # noqa: S608 - likewise
        return _Rows(sql + _ordered(ordered), columns)

    def _items(
        self, items: Sequence[Item | Star], tables: Sequence[_Named]
    ) -> Iterator[tuple[str, Expression | _Field]]:
        for item in items:
            if isinstance(item, Item):
                yield item.alias, item.expression
                continue
            wanted = [each for each in tables if not item.table or each.alias.lower() == item.table.lower()]
            if not wanted:
                raise wrong(item.place, f"Table '{item.table}' not found")
            for table in wanted:
                yield from ((each.name, each) for each in table.fields if each.name not in UNASKED)

    def _item(self, item: Expression | _Field, scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        if not isinstance(item, _Field):
            return self._value(item, scope, named)
        sql = item.sql()
        if scope.groups is not None and sql not in scope.groups:
            raise SlsError("ParameterInvalid", f"Column '{item.name}' not in GROUP BY clause{INDEX}")
        return Typed(sql, item.type)

    def _by_alias(
        self, expression: Expression, items: Sequence[tuple[str, Expression | _Field]], aliases: Mapping[str, int]
    ) -> Expression | int:
        """Return the place of the column that an order names, or the expression that it is."""
        match expression:
            case Constant(value=int(place)) if not isinstance(place, bool):
                if place not in range(1, len(items) + 1):
                    raise wrong(expression.place, f"ORDER BY position {place} is not in select list")
                return place - 1
            case Column(name=name, table="") if name.lower() in aliases:
                return aliases[name.lower()]
        return expression

    def _grouped_by(
        self,
        expression: Expression,
        items: Sequence[tuple[str, Expression | _Field]],
        aliases: Mapping[str, int],
        tables: Sequence[_Named],
    ) -> Expression | _Field:
        """Return the expression that rows are grouped by, which a group names by its place or, as SLS lets it, its alias."""
        match expression:
            case Constant(value=int(place)) if not isinstance(place, bool):
                if place not in range(1, len(items) + 1):
                    raise wrong(expression.place, f"GROUP BY position {place} is not in select list")
                return items[place - 1][1]
            case Column(name=name, table="") if name.lower() in aliases and not [*_matching(name, "", tables)]:
                return items[aliases[name.lower()]][1]
        return expression

    def _order_of_columns(self, order: Order, columns: Sequence[tuple[str, Type]]) -> str:
        match order.expression:
            case Constant(value=int(place)) if place in range(1, len(columns) + 1) and not isinstance(place, bool):
                return _directed(str(place), order)
            case Column(name=name, table=""):
                for place, (column, _) in enumerate(columns, 1):
                    if column.lower() == name.lower():
                        return _directed(str(place), order)
                raise _unresolved(order.expression)
        raise missing("ORDER BY with more than the name of a column after UNION, EXCEPT or INTERSECT")

    # Tables.

    def _source_of(self, select: Select, named: Mapping[str, _Rows], *, top: bool) -> tuple[str, Sequence[_Named]]:
        source = select.source
        if source is None:
            if not top:
                raise SlsError(
                    "ParameterInvalid", "you are using nested sql, please specify FROM LogStore in the innermost sql"
                )
            source = Table(self._default or "log", "", place=select.place)
        sql, tables = self._source(source, named)
        return f" FROM {sql}", tables

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def _source(self, source: Source, named: Mapping[str, _Rows]) -> tuple[str, list[_Named]]:
        match source:
            case Table():
                return self._table(source, named)
            case Derived():
                rows = self._query(source.query, named)
                if source.columns and len(source.columns) != len(rows.columns):
                    raise wrong(
                        source.place,
                        f"Column alias list has {len(source.columns)} entries but "
                        f"'{source.alias}' has {len(rows.columns)} columns available",
                    )
                columns = rows.columns
                if source.columns:
                    columns = [(name, kind) for name, (_, kind) in zip(source.columns, columns, strict=True)]
                alias = self._alias()
                return f"({rows.sql}) AS {alias}", [_Named(source.alias, _fields(alias, columns))]
            case Join():
                return self._join(source, named)

    def _table(self, table: Table, named: Mapping[str, _Rows]) -> tuple[str, list[_Named]]:
        alias = self._alias()
        if rows := named.get(table.name.lower()):
            return f"{rows.sql} AS {alias}", [_Named(table.alias or table.name, _fields(alias, rows.columns))]
        name = self._default if table.name.lower() == "log" and self._default else table.name
        offered = self._tables.get(name)
        if offered is None:
            raise SlsError("ParameterInvalid", f"LogStore ({table.name[:80]}) is not found")
        own = self._names.setdefault(name, f"l{len(self._names)}")
        used = self._used.setdefault(name, {})

        def reference(column: str) -> Callable[[], str]:
            return lambda: f"{alias}.{used.setdefault(column, f'c{len(used)}')}"

        fields = [_Field(column, kind, reference(column)) for column, kind in offered.items()]
        return f"{own} AS {alias}", [_Named(table.alias or table.name, fields)]

    def _join(self, join: Join, named: Mapping[str, _Rows]) -> tuple[str, list[_Named]]:
        left, left_tables = self._source(join.left, named)
        right, right_tables = self._source(join.right, named)
        tables = [*left_tables, *right_tables]
        if join.kind == "cross":
            return f"{left} CROSS JOIN {f'({right})' if isinstance(join.right, Join) else right}", tables
        scope = _Scope(tables=tables, clause="JOIN")
        if join.using:
            pairs = []
            for name in join.using:
                sides = [
                    self._value(Column(name, place=join.place), replace(scope, tables=side), named)
                    for side in (left_tables, right_tables)
                ]
                pairs.append(self._operators.compare("=", sides[0], sides[1], join.place).sql)
            condition = " AND ".join(pairs)
            # The column that both have is the left one's, unless only the right one is whole.
            drop = left_tables if join.kind == "right" else right_tables
            names = {name.lower() for name in join.using}
            if join.kind == "full":
                raise missing("FULL JOIN with USING")
            kept = [_Named(each.alias, [one for one in each.fields if one.name.lower() not in names]) for each in drop]
            tables = [*kept, *right_tables] if join.kind == "right" else [*left_tables, *kept]
        else:
            assert join.condition is not None, "the parser sees to it"
            condition = self._condition(join.condition, scope, named, clause="JOIN ON")
        if join.kind == "full" and sqlite3.sqlite_version_info < (3, 39):
            raise missing("FULL JOIN, which this machine's SQLite has not,")
        if isinstance(join.right, Join):
            right = f"({right})"
        if join.kind == "right":  # which older ones have not either
            left = f"({left})" if isinstance(join.left, Join) else left
            return f"{right} LEFT JOIN {left} ON {condition}", tables
        return f"{left} {join.kind.upper()} JOIN {right} ON {condition}", tables

    # Expressions.

    def _condition(
        self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows], *, clause: str = "WHERE"
    ) -> str:
        value = self._value(expression, scope, named)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise wrong(expression.place, f"{clause} clause must evaluate to a boolean: actual type {value.type}")
        return value.sql

    def _value(self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        if isinstance(expression, Column) and scope.aliases and not expression.table:
            meant = scope.aliases.get(expression.name.lower())
            if meant is not None and not [*_matching(expression.name, "", scope.tables)]:
                return self._value(meant, replace(scope, aliases={}), named)
        if scope.groups is None:
            return self._bare(expression, scope, named)
        if not _has_aggregate(expression) and not isinstance(expression, Constant | Interval | Scalar | Exists):
            if isinstance(expression, Call) and expression.window:
                return self._bare(expression, scope, named)
            alone = self._bare(expression, replace(scope, groups=None), named)
            if alone.sql in scope.groups:
                return alone
            if isinstance(expression, Column):
                raise SlsError("ParameterInvalid", f"Column '{expression.name}' not in GROUP BY clause{INDEX}")
        return self._bare(expression, scope, named)

    def _bare(self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        def value(each: Expression) -> Typed:
            return self._value(each, scope, named)

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
                return self._in(expression, value, named)
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
                return self._call(expression, scope, named)
            case Scalar():
                rows = self._query(expression.query, named)
                return Typed(f"({rows.sql})", _only(rows, expression.place))
            case Exists():
                return Typed(f"EXISTS ({self._query(expression.query, named).sql})", BOOLEAN)

    def _column(self, column: Column, scope: _Scope) -> Typed:
        found = [*_matching(column.name, column.table, scope.tables)]
        if not found and column.table:  # the name has a point in it: that of a field within JSON
            found = [*_matching(f"{column.table}.{column.name}", "", scope.tables)]
        if not found:
            raise _unresolved(column)
        if len(found) > 1:
            raise wrong(column.place, f"Column '{column.name}' is ambiguous")
        return Typed(found[0].sql(), found[0].type)

    def _in(self, test: In, value: Value, named: Mapping[str, _Rows]) -> Typed:
        operand = value(test.operand)
        operator = "NOT IN" if test.negated else "IN"
        if isinstance(test.items, Query):
            rows = self._query(test.items, named)
            kind = common_type([operand.type, _only(rows, test.place)])
            if kind is None:
                raise wrong(
                    test.place,
                    f"value and result of subquery must be of the same type for IN expression: {operand.type}",
                )
            inner = self._converted(rows, [kind])
            return Typed(f"({self._operators.coerce(operand, kind).sql} {operator} ({inner}))", BOOLEAN)
        return self._operators.within(operand, [value(each) for each in test.items], test)

    # Calls.

    def _call(self, call: Call, scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        name = call.name
        if name in AGGREGATES or name in WINDOWS:
            return self._over_rows(call, scope, named)
        if call.star or call.distinct or call.condition is not None or call.window is not None:
            what = "*" if call.star else "DISTINCT" if call.distinct else "FILTER" if call.condition else "OVER"
            if name in FUNCTIONS:
                raise wrong(call.place, f"{what} is not valid for {name}, which is no aggregate function")
        if name == "try" and len(call.arguments) == 1:
            with self._needs.trying():
                return self._value(call.arguments[0], scope, named)
        values = [self._value(each, scope, named) for each in call.arguments]
        return self._operators.call(name, values, call.place)

    def _over_rows(self, call: Call, scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        if scope.clause:
            if scope.clause == "aggregate":
                raise wrong(call.place, f"Cannot nest aggregations inside aggregation: [{call.name}]")
            kind = "JOIN" if scope.clause == "JOIN" else f"{scope.clause} clause"
            raise wrong(call.place, f"{kind} cannot contain aggregations or window functions: [{call.name}]")
        if call.window is None and call.name in WINDOWS:
            raise wrong(call.place, f"Window function {call.name} requires an OVER clause")
        if call.window is not None and scope.window:
            raise wrong(call.place, f"Cannot nest window functions inside window function: [{call.name}]")
        inner = replace(scope, window=True) if call.window else _Scope(tables=scope.tables, clause="aggregate")
        values = [self._value(each, inner, named) for each in call.arguments]
        if call.star and (call.name != "count" or values):
            raise wrong(call.place, f"* is not valid for {call.name}")
        if call.name in WINDOWS:
            return self._window_call(call, values, scope, named)
        aggregate, arguments, result = self._operators.suit(call.name, AGGREGATES[call.name], values, call.place)
        sql = self._aggregated(call, aggregate, arguments)
        if call.condition is not None:
            sql += f" FILTER (WHERE {self._condition(call.condition, inner, named, clause='FILTER')})"
        if call.window is not None:
            sql += self._over(call.window, scope, named)
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

    def _window_call(self, call: Call, values: Sequence[Typed], scope: _Scope, named: Mapping[str, _Rows]) -> Typed:
        assert call.window is not None, "the caller sees to it"
        if call.distinct or call.condition is not None:
            raise missing(f"DISTINCT or FILTER in {call.name}")
        signatures = [Aggregate(call.name, parameters, result) for parameters, result in WINDOWS[call.name]]
        _, arguments, result = self._operators.suit(call.name, signatures, values, call.place)
        return Typed(f"{call.name}({', '.join(arguments)}){self._over(call.window, scope, named)}", result)

    def _over(self, window: Window, scope: _Scope, named: Mapping[str, _Rows]) -> str:
        scope = replace(scope, window=True, clause="OVER" if scope.groups is None else "")  # groups have aggregates
        parts = []
        if window.partition:
            listed = ", ".join(self._value(each, scope, named).sql for each in window.partition)
            parts.append(f"PARTITION BY {listed}")
        if window.order:
            listed = ", ".join(_directed(self._value(each.expression, scope, named).sql, each) for each in window.order)
            parts.append(f"ORDER BY {listed}")
        return f" OVER ({' '.join([*parts, window.frame]).strip()})"


def _fields(alias: str, columns: Sequence[tuple[str, Type]]) -> list[_Field]:
    def reference(place: int) -> Callable[[], str]:
        return lambda: f"{alias}.c{place}"

    return [_Field(name, kind, reference(place)) for place, (name, kind) in enumerate(columns)]


def _matching(name: str, table: str, tables: Sequence[_Named]) -> Iterator[_Field]:
    """Yield the columns of a name: those that are written so, or else those that differ in case alone."""
    fields = [each for one in tables if not table or one.alias.lower() == table.lower() for each in one.fields]
    exact = [each for each in fields if each.name == name]
    yield from exact or [each for each in fields if each.name.lower() == name.lower()]


def _unresolved(column: Column) -> SlsError:
    name = f"{column.table}.{column.name}" if column.table else column.name
    why = f"Column '{name[:200]}' cannot be resolved"
    if column.quoted:
        return wrong(
            column.place,
            f'{why}; it seems {name[:200]} is wrapper by ";if {name[:200]} is a string ,not a key field, '
            f"please use '{name[:200]}'",
        )
    return wrong(column.place, f"{why}{INDEX}")


def _only(rows: _Rows, place: Position) -> Type:
    """Return the type of the only column of a query."""
    if len(rows.columns) != 1:
        raise wrong(place, f"Multiple columns returned by subquery are not yet supported. Found {len(rows.columns)}")
    return rows.columns[0][1]


def _has_aggregate(expression: Expression) -> bool:
    if isinstance(expression, Call) and expression.name in AGGREGATES and expression.window is None:
        return True
    return any(map(_has_aggregate, children(expression)))


def _name(item: Expression | _Field, place: int) -> str:
    """Return the name of a column without an alias."""
    if isinstance(item, Column | _Field):
        return item.name
    return f"_col{place}"


def _directed(sql: str, order: Order) -> str:
    return f"{sql} {'DESC' if order.descending else 'ASC'} NULLS {'FIRST' if order.nulls_first else 'LAST'}"


def _ordered(orders: Sequence[str]) -> str:
    return f" ORDER BY {', '.join(orders)}" if orders else ""
