"""A statement made into one for SQLite, with the types that Presto would find: its queries, tables, columns and aggregates.

Nothing of the statement's text goes into what SQLite is given: names of tables, columns and functions are our own, values are
parameters. What may stand in it is what stands here.

Sources: SLS, "SELECT statement" and the pages of its clauses, "Common errors when querying and analyzing logs".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localcloud.sls.analysis.needs import Typed
from localcloud.sls.analysis.scopes import (
    INDEX,
    Field,
    Named,
    Rows,
    Scope,
    fields_of,
    has_aggregate,
    matching,
    unresolved,
)
from localcloud.sls.analysis.signatures import common_type
from localcloud.sls.analysis.syntax import (
    Body,
    Column,
    Combined,
    Constant,
    Derived,
    Expression,
    Item,
    Join,
    Order,
    Query,
    Select,
    Source,
    Star,
    Table,
)
from localcloud.sls.analysis.tokens import missing, wrong
from localcloud.sls.analysis.types import Type
from localcloud.sls.analysis.values import Values, directed, order_by
from localcloud.sls.errors import SlsError

ROWS = 100  # of an answer, unless a statement has a limit (SLS, "LIMIT clause")
MAX_ROWS = 1_000_000  # likewise
MAX_PAGE = 10_000  # rows of `LIMIT 10, 20`; likewise
UNASKED = frozenset({"__date__", "__time_ns_part__"})  # columns that are not among all of a table (assumed)


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


class _Translator(Values):
    def __init__(self, tables: Mapping[str, Mapping[str, Type]], default: str, now: float) -> None:
        super().__init__(now)
        self._tables = tables
        self._default = default
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

    def _query(self, query: Query, named: Mapping[str, Rows], *, top: bool = False) -> Rows:
        if query.offset_first and not top:
            raise wrong(query.place, "LIMIT with an offset is not supported within a subquery")
        for name, inner in query.named:
            rows = self._query(inner, named)
            with_name = f"w{len(self._withs)}"
            names = ", ".join(f"c{place}" for place in range(len(rows.columns)))
            self._withs.append(f"{with_name}({names}) AS ({rows.sql})")
            named = {**named, name.lower(): Rows(with_name, rows.columns)}
        match query.body:
            case Select() as select:
                rows = self._select(select, query.order, named, top=top)
            case body:
                rows = self._body(body, named, top=top)
                order = [self._order_of_columns(each, rows.columns) for each in query.order]
                rows = replace(rows, sql=f"SELECT * FROM ({rows.sql}){order_by(order)}")  # noqa: S608 - our own text
        limit = "" if query.limit is None else f" LIMIT {query.limit}"
        if query.offset:
            limit = f"{limit or ' LIMIT -1'} OFFSET {query.offset}"
        return replace(rows, sql=rows.sql + limit)

    def _body(self, body: Body, named: Mapping[str, Rows], *, top: bool) -> Rows:
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
                return Rows(f" {body.operator.upper()} ".join(sides), columns)

    def _select(self, select: Select, order: Sequence[Order], named: Mapping[str, Rows], *, top: bool) -> Rows:
        source, tables = self._source_of(select, named, top=top)
        plain = Scope(tables=tables, named=named, clause="")
        where = ""
        if select.where is not None:
            where = f" WHERE {self._condition(select.where, replace(plain, clause='WHERE'))}"
        items = [*self._items(select.items, tables)]
        aliases = {alias.lower(): place for place, (alias, _) in reversed([*enumerate(items)]) if alias}
        orders = [self._by_alias(each.expression, items, aliases) for each in order]
        every = [
            *(item for _, item in items if not isinstance(item, Field)),
            *([select.having] if select.having else []),
        ]
        every += [each for each in orders if not isinstance(each, int)]
        grouped = select.group is not None or select.having is not None or any(map(has_aggregate, every))
        groups: list[str] = []
        for expression in select.group or ():
            inner = self._grouped_by(expression, items, aliases, tables)
            groups.append(
                inner.sql() if isinstance(inner, Field) else self._value(inner, replace(plain, clause="GROUP BY")).sql
            )
        scope = replace(plain, groups=frozenset(groups)) if grouped else plain
        values = [self._item(each, scope) for _, each in items]
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
        scope = replace(scope, aliases={a.lower(): each for a, each in items if a and not isinstance(each, Field)})
        if select.having is not None:
            having = self._condition(select.having, scope, clause="HAVING")
            sql += f" HAVING {having}"
        ordered = []
        for each, by in zip(order, orders, strict=True):
            if isinstance(by, int):
                ordered.append(directed(str(by + 1), each))
                continue
            by_sql = self._value(by, scope).sql
            if select.distinct and by_sql not in {value.sql for value in values}:
                raise wrong(each.place, "For SELECT DISTINCT, ORDER BY expressions must appear in select list")
            ordered.append(directed(by_sql, each))
        if grouped and not groups:  # one row, or none; the count tells SQLite so
            names = ", ".join(f"c{place}" for place in range(len(values)))
            row = f"SELECT {chosen}, count(*) >= 0 AND {having} AS kept{source}{where}"
            return Rows(f"SELECT {names} FROM ({row}) WHERE kept", columns)  # noqa: S608 - likewise
        return Rows(sql + order_by(ordered), columns)

    def _items(self, items: Sequence[Item | Star], tables: Sequence[Named]) -> Iterator[tuple[str, Expression | Field]]:
        for item in items:
            if isinstance(item, Item):
                yield item.alias, item.expression
                continue
            wanted = [each for each in tables if not item.table or each.alias.lower() == item.table.lower()]
            if not wanted:
                raise wrong(item.place, f"Table '{item.table}' not found")
            for table in wanted:
                yield from ((each.name, each) for each in table.fields if each.name not in UNASKED)

    def _item(self, item: Expression | Field, scope: Scope) -> Typed:
        if not isinstance(item, Field):
            return self._value(item, scope)
        sql = item.sql()
        if scope.groups is not None and sql not in scope.groups:
            raise SlsError("ParameterInvalid", f"Column '{item.name}' not in GROUP BY clause{INDEX}")
        return Typed(sql, item.type)

    def _by_alias(
        self, expression: Expression, items: Sequence[tuple[str, Expression | Field]], aliases: Mapping[str, int]
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
        items: Sequence[tuple[str, Expression | Field]],
        aliases: Mapping[str, int],
        tables: Sequence[Named],
    ) -> Expression | Field:
        """Return the expression that rows are grouped by, which a group names by its place or, as SLS lets it, its alias."""
        match expression:
            case Constant(value=int(place)) if not isinstance(place, bool):
                if place not in range(1, len(items) + 1):
                    raise wrong(expression.place, f"GROUP BY position {place} is not in select list")
                return items[place - 1][1]
            case Column(name=name, table="") if name.lower() in aliases and not [*matching(name, "", tables)]:
                return items[aliases[name.lower()]][1]
        return expression

    def _order_of_columns(self, order: Order, columns: Sequence[tuple[str, Type]]) -> str:
        match order.expression:
            case Constant(value=int(place)) if place in range(1, len(columns) + 1) and not isinstance(place, bool):
                return directed(str(place), order)
            case Column(name=name, table=""):
                for place, (column, _) in enumerate(columns, 1):
                    if column.lower() == name.lower():
                        return directed(str(place), order)
                raise unresolved(order.expression)
        raise missing("ORDER BY with more than the name of a column after UNION, EXCEPT or INTERSECT")

    # Tables.

    def _source_of(self, select: Select, named: Mapping[str, Rows], *, top: bool) -> tuple[str, Sequence[Named]]:
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

    def _source(self, source: Source, named: Mapping[str, Rows]) -> tuple[str, list[Named]]:
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
                return f"({rows.sql}) AS {alias}", [Named(source.alias, fields_of(alias, columns))]
            case Join():
                return self._join(source, named)

    def _table(self, table: Table, named: Mapping[str, Rows]) -> tuple[str, list[Named]]:
        alias = self._alias()
        if rows := named.get(table.name.lower()):
            return f"{rows.sql} AS {alias}", [Named(table.alias or table.name, fields_of(alias, rows.columns))]
        name = self._default if table.name.lower() == "log" and self._default else table.name
        offered = self._tables.get(name)
        if offered is None:
            raise SlsError("ParameterInvalid", f"LogStore ({table.name[:80]}) is not found")
        own = self._names.setdefault(name, f"l{len(self._names)}")
        used = self._used.setdefault(name, {})

        def reference(column: str) -> Callable[[], str]:
            return lambda: f"{alias}.{used.setdefault(column, f'c{len(used)}')}"

        fields = [Field(column, kind, reference(column)) for column, kind in offered.items()]
        return f"{own} AS {alias}", [Named(table.alias or table.name, fields)]

    def _join(self, join: Join, named: Mapping[str, Rows]) -> tuple[str, list[Named]]:
        left, left_tables = self._source(join.left, named)
        right, right_tables = self._source(join.right, named)
        tables = [*left_tables, *right_tables]
        if join.kind == "cross":
            return f"{left} CROSS JOIN {f'({right})' if isinstance(join.right, Join) else right}", tables
        scope = Scope(tables=tables, named=named, clause="JOIN")
        if join.using:
            pairs = []
            for name in join.using:
                sides = [
                    self._value(Column(name, place=join.place), replace(scope, tables=side))
                    for side in (left_tables, right_tables)
                ]
                pairs.append(self._operators.compare("=", sides[0], sides[1], join.place).sql)
            condition = " AND ".join(pairs)
            # The column that both have is the left one's, unless only the right one is whole.
            drop = left_tables if join.kind == "right" else right_tables
            names = {name.lower() for name in join.using}
            if join.kind == "full":
                raise missing("FULL JOIN with USING")
            kept = [Named(each.alias, [one for one in each.fields if one.name.lower() not in names]) for each in drop]
            tables = [*kept, *right_tables] if join.kind == "right" else [*left_tables, *kept]
        else:
            assert join.condition is not None, "the parser sees to it"
            condition = self._condition(join.condition, scope, clause="JOIN ON")
        if join.kind == "full" and sqlite3.sqlite_version_info < (3, 39):
            raise missing("FULL JOIN, which this machine's SQLite has not,")
        if isinstance(join.right, Join):
            right = f"({right})"
        if join.kind == "right":  # which older ones have not either
            left = f"({left})" if isinstance(join.left, Join) else left
            return f"{right} LEFT JOIN {left} ON {condition}", tables
        return f"{left} {join.kind.upper()} JOIN {right} ON {condition}", tables


def _name(item: Expression | Field, place: int) -> str:
    """Return the name of a column without an alias."""
    if isinstance(item, Column | Field):
        return item.name
    return f"_col{place}"
