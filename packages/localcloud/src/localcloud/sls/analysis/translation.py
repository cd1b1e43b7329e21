"""A statement made into one for SQLite, with the types that Presto would find.

Nothing of the statement's text goes into what SQLite is given: names of tables, columns and functions are our own, values are
parameters. What may stand in it is what stands here.

Sources: SLS, "SELECT statement" and the pages of its clauses, "Common errors when querying and analyzing logs".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.sls.analysis.casts import CASTS, NAMES
from localcloud.sls.analysis.functions import (
    AGGREGATES,
    FUNCTIONS,
    WINDOWS,
    Aggregate,
    Function,
    FunctionError,
    is_missing,
)
from localcloud.sls.analysis.functions.arrays import subscript
from localcloud.sls.analysis.functions.numbers import divide, divide_doubles, remainder, remainder_of_doubles, whole
from localcloud.sls.analysis.functions.texts import like
from localcloud.sls.analysis.functions.times import DAY, add_months, from_seconds, read_date, read_timestamp
from localcloud.sls.analysis.parsing import missing, wrong
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
    Place,
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
from localcloud.sls.analysis.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    ZONE,
    Type,
    array,
    dump,
)
from localcloud.sls.errors import SlsError

ROWS = 100  # of an answer, unless a statement has a limit (SLS, "LIMIT clause")
MAX_ROWS = 1_000_000  # likewise
MAX_PAGE = 10_000  # rows of `LIMIT 10, 20`; likewise
UNASKED = frozenset({"__date__", "__time_ns_part__"})  # columns that are not among all of a table (assumed)
INDEX = ";please add the column in the index attribute"  # what SLS adds to its errors of columns
_UNITS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": DAY}


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
class _Typed:
    """An expression for SQLite."""

    sql: str
    type: Type
    text: str | None = None  # the constant that it is, if it is one that is a text


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


@dataclass(slots=True)
class _Registry:
    """The functions that a statement needs, under names of our own."""

    functions: dict[str, tuple[Callable[..., Any], bool]] = field(default_factory=dict)
    aggregates: dict[str, Callable[[], Any]] = field(default_factory=dict)
    _known: dict[object, str] = field(default_factory=dict)

    def function(self, run: Callable[..., Any], *, constant: bool = True, safe: bool = False) -> str:
        """Return the name of a function; one that is safe makes null of what it cannot do with."""
        name = self._known.setdefault((run, safe), f"f{len(self._known)}")
        self.functions[name] = (_safely(run) if safe else run, constant)
        return name

    def aggregate(self, collect: Callable[[], Any]) -> str:
        """Return the name of an aggregate."""
        name = self._known.setdefault(collect, f"f{len(self._known)}")
        self.aggregates[name] = collect
        return name


def _safely(run: Callable[..., Any]) -> Callable[..., Any]:
    def safe(*values: Any) -> Any:  # noqa: ANN401 - of any type
        try:
            return run(*values)
        except FunctionError:
            return None

    return safe


class _Translator:
    def __init__(self, tables: Mapping[str, Mapping[str, Type]], default: str, now: float) -> None:
        self._tables = tables
        self._default = default
        self._now = now
        self._registry = _Registry()
        self._parameters: dict[str, object] = {}
        self._known: dict[tuple[type, object], str] = {}
        self._used: dict[str, dict[str, str]] = {}
        self._names: dict[str, str] = {}
        self._aliases = 0
        self._withs: list[str] = []
        self._safe = False  # within TRY

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
            parameters=self._parameters,
            columns=rows.columns,
            tables=self._used,
            names=self._names,
            functions=self._registry.functions,
            aggregates=self._registry.aggregates,
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
                    common = _common([one, other])
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
            self._coerce(_Typed(f"c{place}", have), want).sql + f" AS c{place}"
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

    def _item(self, item: Expression | _Field, scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
        if not isinstance(item, _Field):
            return self._value(item, scope, named)
        sql = item.sql()
        if scope.groups is not None and sql not in scope.groups:
            raise SlsError("ParameterInvalid", f"Column '{item.name}' not in GROUP BY clause{INDEX}")
        return _Typed(sql, item.type)

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
                pairs.append(self._compare("=", sides[0], sides[1], join.place).sql)
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

    def _parameter(self, value: object) -> str:
        key = (type(value), value)
        if key not in self._known:
            name = f"p{len(self._parameters)}"
            self._parameters[name] = value
            self._known[key] = f":{name}"
        return self._known[key]

    def _condition(
        self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows], *, clause: str = "WHERE"
    ) -> str:
        value = self._value(expression, scope, named)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise wrong(expression.place, f"{clause} clause must evaluate to a boolean: actual type {value.type}")
        return value.sql

    def _value(self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
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

    def _bare(self, expression: Expression, scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
        def value(each: Expression) -> _Typed:
            return self._value(each, scope, named)

        match expression:
            case Constant():
                return self._constant(expression)
            case Interval():
                raise missing("an interval that is not added to a time")
            case Column():
                return self._column(expression, scope)
            case Unary():
                return self._unary(expression, value(expression.operand))
            case Binary():
                return self._binary(expression, value)
            case Logical():
                sides = [value(each) for each in expression.operands]
                for place, side in enumerate(sides):
                    if side.type not in (BOOLEAN, UNKNOWN):
                        name = "Right" if place else "Left"
                        raise wrong(
                            expression.operands[place].place,
                            f"{name} side of logical expression must evaluate to a boolean (actual: {side.type})",
                        )
                return _Typed(f"({f' {expression.operator.upper()} '.join(each.sql for each in sides)})", BOOLEAN)
            case IsNull():
                return _Typed(
                    f"({value(expression.operand).sql} IS {'NOT ' if expression.negated else ''}NULL)", BOOLEAN
                )
            case Between():
                operand = value(expression.operand)
                low = self._compare(">=", operand, value(expression.low), expression.place)
                high = self._compare("<=", operand, value(expression.high), expression.place)
                return _Typed(f"({'NOT ' if expression.negated else ''}({low.sql} AND {high.sql}))", BOOLEAN)
            case In():
                return self._in(expression, value, named)
            case Like():
                return self._like(expression, value)
            case Case():
                return self._case(expression, value)
            case Cast():
                return self._cast(value(expression.operand), expression)
            case Subscript():
                return self._subscript(expression, value)
            case Array():
                return self._array([value(each) for each in expression.items], expression.place)
            case Call():
                return self._call(expression, scope, named)
            case Scalar():
                rows = self._query(expression.query, named)
                return _Typed(f"({rows.sql})", _only(rows, expression.place))
            case Exists():
                return _Typed(f"EXISTS ({self._query(expression.query, named).sql})", BOOLEAN)

    def _constant(self, constant: Constant) -> _Typed:
        match constant.value:
            case None:
                return _Typed("NULL", UNKNOWN)
            case bool(value):
                return _Typed("1" if value else "0", BOOLEAN)
            case int(value):
                return _Typed(self._parameter(value), BIGINT)
            case float(value):
                return _Typed(self._parameter(value), DOUBLE)
            case str(value) if constant.kind:
                return self._read(value, TIMESTAMP if constant.kind == "timestamp" else DATE, constant.place)
            case str(value):
                return _Typed(self._parameter(value), VARCHAR, value)

    def _read(self, text: str, kind: Type, place: Place) -> _Typed:
        try:
            return _Typed(self._parameter(read_timestamp(text) if kind == TIMESTAMP else read_date(text)), kind)
        except FunctionError as error:
            raise wrong(place, f"'{text[:80]}' is not a valid {kind} literal") from error

    def _column(self, column: Column, scope: _Scope) -> _Typed:
        found = [*_matching(column.name, column.table, scope.tables)]
        if not found and column.table:  # the name has a point in it: that of a field within JSON
            found = [*_matching(f"{column.table}.{column.name}", "", scope.tables)]
        if not found:
            raise _unresolved(column)
        if len(found) > 1:
            raise wrong(column.place, f"Column '{column.name}' is ambiguous")
        return _Typed(found[0].sql(), found[0].type)

    def _run(self, run: Callable[..., Any], *arguments: str, constant: bool = True) -> str:
        name = self._registry.function(run, constant=constant, safe=self._safe)
        return f"{name}({', '.join(arguments)})"

    def _unary(self, unary: Unary, operand: _Typed) -> _Typed:
        if unary.operator == "not":
            if operand.type not in (BOOLEAN, UNKNOWN):
                raise wrong(
                    unary.place, f"Value of logical NOT expression must evaluate to a boolean (actual: {operand.type})"
                )
            return _Typed(f"(NOT {operand.sql})", BOOLEAN)
        if operand.type not in (BIGINT, DOUBLE, UNKNOWN):
            raise wrong(unary.place, f"'{unary.operator}' cannot be applied to {operand.type}")
        if unary.operator == "+":
            return operand
        return _Typed(f"(-{operand.sql})", operand.type)

    def _binary(self, binary: Binary, value: Callable[[Expression], _Typed]) -> _Typed:
        operator = binary.operator
        if operator in ("+", "-") and (isinstance(binary.right, Interval) or isinstance(binary.left, Interval)):
            return self._shift(binary, value)
        left, right = value(binary.left), value(binary.right)
        if operator in ("=", "<>", "<", "<=", ">", ">="):
            return self._compare(operator, left, right, binary.place)
        if operator == "||":
            if {left.type, right.type} <= {VARCHAR, UNKNOWN}:
                return _Typed(f"({left.sql} || {right.sql})", VARCHAR)
            raise _inapplicable(operator, left, right, binary.place)
        kinds = {left.type, right.type} - {UNKNOWN}
        if not kinds <= {BIGINT, DOUBLE}:
            raise _inapplicable(operator, left, right, binary.place)
        if DOUBLE in kinds:
            left, right = self._coerce(left, DOUBLE), self._coerce(right, DOUBLE)
            if operator in "+-*":
                return _Typed(f"({left.sql} {operator} {right.sql})", DOUBLE)
            run = divide_doubles if operator == "/" else remainder_of_doubles
            return _Typed(self._run(run, left.sql, right.sql), DOUBLE)
        return _Typed(self._run(_WHOLE[operator], left.sql, right.sql), BIGINT)

    def _shift(self, binary: Binary, value: Callable[[Expression], _Typed]) -> _Typed:
        """Return a time that an interval is added to, or taken from."""
        interval, moment = binary.right, binary.left
        if not isinstance(interval, Interval):
            interval, moment = moment, interval
        if not isinstance(interval, Interval) or (binary.operator == "-" and interval is binary.left):
            raise missing("an interval that is not added to a time")
        time = value(moment)
        count = interval.count if binary.operator == "+" else -interval.count
        if time.type not in (TIMESTAMP, DATE):
            raise wrong(binary.place, f"'{binary.operator}' cannot be applied to {time.type}, interval")
        if interval.unit in ("month", "year"):
            months = self._parameter(count * (12 if interval.unit == "year" else 1))
            if time.type == DATE:
                shifted = self._run(add_months, f"({time.sql} * {DAY})", months)
                return _Typed(f"({shifted} / {DAY})", DATE)
            return _Typed(self._run(add_months, time.sql, months), TIMESTAMP)
        if time.type == DATE:
            if interval.unit != "day":
                raise wrong(binary.place, "Cannot add hour, minutes or seconds to a date")
            return _Typed(f"({time.sql} + {count})", DATE)
        return _Typed(f"({time.sql} + {count * _UNITS[interval.unit]})", TIMESTAMP)

    def _compare(self, operator: str, left: _Typed, right: _Typed, place: Place) -> _Typed:
        kind = _common([left.type, right.type])
        if kind is None:  # a text that is a time
            for one, other in ((left, right), (right, left)):
                if one.type in (TIMESTAMP, DATE) and other.text is not None:
                    read = self._read(other.text, TIMESTAMP, place)
                    one = self._coerce(one, TIMESTAMP)
                    sides = (one, read) if other is right else (read, one)
                    return _Typed(f"({sides[0].sql} {operator} {sides[1].sql})", BOOLEAN)
            raise _inapplicable(operator, left, right, place)
        sides = self._coerce(left, kind), self._coerce(right, kind)
        return _Typed(f"({sides[0].sql} {operator} {sides[1].sql})", BOOLEAN)

    def _coerce(self, value: _Typed, kind: Type) -> _Typed:
        """Return a value as one of a type that it becomes by itself."""
        match value.type, kind:
            case (have, want) if have == want or UNKNOWN in (have, want):
                return replace(value, type=kind)
            case (Type("bigint"), Type("double")):
                return _Typed(f"CAST({value.sql} AS REAL)", DOUBLE)
            case (Type("bigint"), Type("timestamp")):  # in functions of times, as SLS lets it
                return _Typed(f"({value.sql} * 1000 + {ZONE * 1000})", TIMESTAMP)
            case (Type("date"), Type("timestamp")):
                return _Typed(f"({value.sql} * {DAY})", TIMESTAMP)
            case _:
                raise AssertionError(f"{value.type} does not become {kind} by itself")

    def _in(self, test: In, value: Callable[[Expression], _Typed], named: Mapping[str, _Rows]) -> _Typed:
        operand = value(test.operand)
        operator = "NOT IN" if test.negated else "IN"
        if isinstance(test.items, Query):
            rows = self._query(test.items, named)
            kind = _common([operand.type, _only(rows, test.place)])
            if kind is None:
                raise wrong(
                    test.place,
                    f"value and result of subquery must be of the same type for IN expression: {operand.type}",
                )
            inner = self._converted(rows, [kind])
            return _Typed(f"({self._coerce(operand, kind).sql} {operator} ({inner}))", BOOLEAN)
        items = [value(each) for each in test.items]
        kind = _common([operand.type, *(each.type for each in items)])
        if kind is None:
            raise wrong(test.place, f"IN value and list items must be the same type: {operand.type}")
        listed = ", ".join(self._coerce(each, kind).sql for each in items)
        return _Typed(f"({self._coerce(operand, kind).sql} {operator} ({listed}))", BOOLEAN)

    def _like(self, test: Like, value: Callable[[Expression], _Typed]) -> _Typed:
        sides = [value(test.operand), value(test.pattern), *([value(test.escape)] if test.escape else [])]
        for name, side in zip(
            ("Left side of LIKE expression", "Pattern for LIKE expression", "Escape"), sides, strict=False
        ):
            if side.type not in (VARCHAR, UNKNOWN):
                raise wrong(test.place, f"{name} must evaluate to a varchar (actual: {side.type})")
        asked = self._run(like, *(side.sql for side in sides))
        return _Typed(f"(NOT {asked})" if test.negated else asked, BOOLEAN)

    def _case(self, case: Case, value: Callable[[Expression], _Typed]) -> _Typed:
        operand = value(case.operand) if case.operand is not None else None
        conditions = []
        for condition, _ in case.whens:
            typed = value(condition)
            if operand is not None:
                typed = self._compare("=", operand, typed, condition.place)
            elif typed.type not in (BOOLEAN, UNKNOWN):
                raise wrong(condition.place, f"CASE WHEN clause must evaluate to a boolean (actual: {typed.type})")
            conditions.append(typed.sql)
        results = [value(result) for _, result in case.whens]
        otherwise = value(case.otherwise) if case.otherwise is not None else _Typed("NULL", UNKNOWN)
        kind, converted = self._alike([*results, otherwise], "All CASE results", case.place)
        whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, converted, strict=False))
        return _Typed(f"CASE {whens} ELSE {converted[-1]} END", kind)

    def _alike(self, values: Sequence[_Typed], what: str, place: Place) -> tuple[Type, list[str]]:
        """Return the type that values have in common, and them as such."""
        kind = _common([each.type for each in values])
        if kind is None:
            raise wrong(place, f"{what} must be the same type: {values[0].type}")
        return kind, [self._coerce(each, kind).sql for each in values]

    def _cast(self, operand: _Typed, cast: Cast) -> _Typed:
        kind = NAMES.get(cast.type)
        if kind is None:
            raise missing(f"the type {cast.type[:40]}")
        if operand.type in (kind, UNKNOWN):
            return _Typed(operand.sql, kind)
        run = CASTS.get((operand.type, kind))
        if operand.type.element and kind == NAMES["json"]:
            return _Typed(operand.sql, kind)
        if run is None:
            raise wrong(cast.place, f"Cannot cast {operand.type} to {kind}")
        name = self._registry.function(run, safe=self._safe or cast.safe)
        return _Typed(f"{name}({operand.sql})", kind)

    def _subscript(self, expression: Subscript, value: Callable[[Expression], _Typed]) -> _Typed:
        operand, index = value(expression.operand), value(expression.index)
        if operand.type.element is None or index.type != BIGINT:
            raise wrong(expression.place, f"'[]' cannot be applied to {operand.type}, {index.type}")
        return _Typed(self._run(subscript, operand.sql, index.sql), operand.type.element)

    def _array(self, items: Sequence[_Typed], place: Place) -> _Typed:
        kind, converted = self._alike([*items, _Typed("NULL", UNKNOWN)], "All ARRAY elements", place)
        if kind not in (BIGINT, DOUBLE, VARCHAR, UNKNOWN):
            raise missing(f"an array of {kind}")
        return _Typed(self._run(_listed, *converted[:-1]), array(kind))

    # Calls.

    def _call(self, call: Call, scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
        name = call.name
        if name in AGGREGATES or name in WINDOWS:
            return self._over_rows(call, scope, named)
        if call.star or call.distinct or call.condition is not None or call.window is not None:
            what = "*" if call.star else "DISTINCT" if call.distinct else "FILTER" if call.condition else "OVER"
            if name in FUNCTIONS:
                raise wrong(call.place, f"{what} is not valid for {name}, which is no aggregate function")
        if name == "try" and len(call.arguments) == 1:
            with self._trying():
                return self._value(call.arguments[0], scope, named)
        values = [self._value(each, scope, named) for each in call.arguments]
        match name, len(values):
            case ("now" | "current_timestamp" | "localtimestamp", 0):
                return _Typed(self._parameter(from_seconds(self._now)), TIMESTAMP)
            case ("current_date", 0):
                return _Typed(self._parameter(from_seconds(self._now) // DAY), DATE)
            case ("coalesce", count) if count > 1:
                kind, converted = self._alike(values, "All COALESCE operands", call.place)
                return _Typed(f"coalesce({', '.join(converted)})", kind)
            case ("nullif", 2):
                same = self._compare("=", values[0], values[1], call.place)
                return _Typed(f"CASE WHEN {same.sql} THEN NULL ELSE {values[0].sql} END", values[0].type)
            case ("if", 2 | 3):
                if values[0].type not in (BOOLEAN, UNKNOWN):
                    raise wrong(call.place, f"IF condition must evaluate to a boolean (actual: {values[0].type})")
                otherwise = values[2:] or [_Typed("NULL", UNKNOWN)]
                kind, converted = self._alike([values[1], *otherwise], "Result types for IF", call.place)
                return _Typed(f"CASE WHEN {values[0].sql} THEN {converted[0]} ELSE {converted[1]} END", kind)
            case ("greatest" | "least", count) if count:
                kind, converted = self._alike(values, f"All {name.upper()} operands", call.place)
                if count == 1:
                    return _Typed(converted[0], kind)
                return _Typed(f"{'max' if name == 'greatest' else 'min'}({', '.join(converted)})", kind)
            case ("typeof", 1):
                return _Typed(self._parameter(str(values[0].type)), VARCHAR)
        overloads = FUNCTIONS.get(name)
        if overloads is None:
            if is_missing(name):
                raise missing(f"the function {name}")
            raise wrong(call.place, f"Function {name[:80]} not registered")
        chosen = _choose(overloads, [each.type for each in values])
        if chosen is None:
            raise _unexpected(name, values, overloads, call.place)
        function, kinds, result = chosen
        arguments = [self._coerce(each, kind).sql for each, kind in zip(values, kinds, strict=True)]
        return _Typed(self._run(function.run, *arguments, constant=function.constant), result)

    @contextmanager
    def _trying(self) -> Iterator[None]:
        before, self._safe = self._safe, True
        try:
            yield
        finally:
            self._safe = before

    def _over_rows(self, call: Call, scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
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
        aggregates = AGGREGATES[call.name]
        chosen = _choose(aggregates, [each.type for each in values])
        if chosen is None:
            raise _unexpected(call.name, values, aggregates, call.place)
        aggregate, kinds, result = chosen
        arguments = [self._coerce(each, kind).sql for each, kind in zip(values, kinds, strict=True)]
        sql = self._aggregated(call, aggregate, arguments)
        if call.condition is not None:
            sql += f" FILTER (WHERE {self._condition(call.condition, inner, named, clause='FILTER')})"
        if call.window is not None:
            sql += self._over(call.window, scope, named)
        return _Typed(sql, result)

    def _aggregated(self, call: Call, aggregate: Aggregate, arguments: Sequence[str]) -> str:
        distinct = "DISTINCT " if call.distinct else ""
        if not aggregate.native:
            assert aggregate.collect is not None
            if call.window is not None:
                raise missing(f"{call.name} over a window")
            if distinct and len(arguments) != 1:
                raise missing(f"DISTINCT in {call.name}")
            return f"{self._registry.aggregate(aggregate.collect)}({distinct}{', '.join(arguments)})"
        if distinct and (aggregate.native.startswith("count(CASE") or not arguments):
            raise missing(f"DISTINCT in {call.name}")
        if call.window is not None and (distinct or "DISTINCT" in aggregate.native):
            raise missing(f"DISTINCT in {call.name} over a window")
        argument = arguments[0] if arguments else ""
        return aggregate.native.format(argument if "DISTINCT" in aggregate.native else distinct + argument)

    def _window_call(self, call: Call, values: Sequence[_Typed], scope: _Scope, named: Mapping[str, _Rows]) -> _Typed:
        assert call.window is not None, "the caller sees to it"
        if call.distinct or call.condition is not None:
            raise missing(f"DISTINCT or FILTER in {call.name}")
        signatures = [Aggregate(call.name, parameters, result) for parameters, result in WINDOWS[call.name]]
        chosen = _choose(signatures, [each.type for each in values])
        if chosen is None:
            raise _unexpected(call.name, values, signatures, call.place)
        _, kinds, result = chosen
        arguments = [self._coerce(each, kind).sql for each, kind in zip(values, kinds, strict=True)]
        return _Typed(f"{call.name}({', '.join(arguments)}){self._over(call.window, scope, named)}", result)

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


def _listed(*values: object) -> str:
    return dump(values)


_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: whole(left + right),
    "-": lambda left, right: whole(left - right),
    "*": lambda left, right: whole(left * right),
    "/": divide,
    "%": remainder,
}


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


def _inapplicable(operator: str, left: _Typed, right: _Typed, place: Place) -> SlsError:
    return wrong(place, f"'{operator}' cannot be applied to {left.type}, {right.type}")


def _unexpected(
    name: str, values: Sequence[_Typed], overloads: Sequence[Function | Aggregate], place: Place
) -> SlsError:
    given = ", ".join(str(each.type) for each in values)
    expected = ", ".join(f"{name}({', '.join(map(str, each.parameters))})" for each in overloads)
    return wrong(place, f"Unexpected parameters ({given}) for function {name}. Expected: {expected}")


def _only(rows: _Rows, place: Place) -> Type:
    """Return the type of the only column of a query."""
    if len(rows.columns) != 1:
        raise wrong(place, f"Multiple columns returned by subquery are not yet supported. Found {len(rows.columns)}")
    return rows.columns[0][1]


def _common(kinds: Sequence[Type]) -> Type | None:
    """Return the type that values become by themselves; None: there is none."""
    known = {kind for kind in kinds if kind != UNKNOWN}
    if len(known) <= 1:
        return next(iter(known), UNKNOWN)
    for both, common in (({BIGINT, DOUBLE}, DOUBLE), ({DATE, TIMESTAMP}, TIMESTAMP)):
        if known == both:
            return common
    return None


def _choose(overloads: Sequence[Any], given: Sequence[Type]) -> tuple[Any, list[Type], Type] | None:
    """Return the function whose signature suits types best, the types that they become, and that of its result."""
    best: tuple[int, Any, list[Type], Type] | None = None
    for each in overloads:
        rest: Type | None = getattr(each, "rest", None)
        parameters = [*each.parameters]
        if rest is not None:
            parameters += [rest] * (len(given) - len(parameters))
        if len(parameters) != len(given):
            continue
        bound: dict[str, Type] = {}
        costs, kinds = 0, []
        for have, want in zip(given, parameters, strict=True):
            cost = _cost(have, want, bound)
            if cost is None:
                break
            costs += cost
            kinds.append(_bind(want, bound, have))
        else:
            if best is None or costs < best[0]:
                best = costs, each, kinds, _bind(each.result, bound, UNKNOWN)
    return best and best[1:]


def _cost(have: Type, want: Type, bound: dict[str, Type]) -> int | None:
    """Return what it takes for a type to become another one; None: it does not."""
    if want.element is not None:
        return _cost(have.element, want.element, bound) if have.element else 0 if have == UNKNOWN else None
    if len(want.name) == 1:
        known = bound.setdefault(want.name, have)
        if known == UNKNOWN:
            bound[want.name] = have
        return 0 if have in (bound[want.name], UNKNOWN) else None
    if have in (want, UNKNOWN):
        return 0
    steps = {(BIGINT, DOUBLE): 1, (DATE, TIMESTAMP): 1, (BIGINT, TIMESTAMP): 2}
    return steps.get((have, want))


def _bind(kind: Type, bound: Mapping[str, Type], otherwise: Type) -> Type:
    if kind.element is not None:
        return array(_bind(kind.element, bound, otherwise))
    return bound.get(kind.name, otherwise) if len(kind.name) == 1 else kind


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
