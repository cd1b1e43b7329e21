"""The text of a statement into its tree: the SELECT of Presto, as far as SLS takes it. What is left out is refused by name.

Sources: SLS, "Log analysis overview", "SELECT statement" and the pages of its clauses; `SqlBase.g4` of Presto.
"""

from __future__ import annotations

from localcloud.sls.analysis.expressions import Expressions
from localcloud.sls.analysis.syntax import (
    Body,
    Combined,
    Derived,
    Expression,
    Item,
    Join,
    Query,
    Select,
    Source,
    Star,
    Table,
)
from localcloud.sls.analysis.tokens import RESERVED, missing, split
from localcloud.sls.errors import SlsError

MAX_LENGTH = 64 * 1024  # characters; the embedded cloud's own limit


def parse(text: str) -> Query:
    """Read a statement.

    Raises:
        SlsError: ParameterInvalid or NotImplemented.
    """
    if len(text) > MAX_LENGTH:
        raise SlsError("ParameterInvalid", f"the analytic statement has more than {MAX_LENGTH} characters")
    return _Parser(split(text)).statement()


class _Parser(Expressions):
    def statement(self) -> Query:
        if not self._is("select") and not self._is("with") and self._next.text != "(":
            if self._next.kind == "word":  # among which are the commands of SPL
                raise missing(f"{str(self._next)!r}, which is neither SELECT nor WITH,")
            raise self._surprise("'select'")
        query = self._query()
        self._sign(";")
        if self._next.kind != "end":
            raise self._surprise("<EOF>")
        return query

    def _query(self) -> Query:
        return self._deeper(self._whole_query)

    def _whole_query(self) -> Query:
        place = self._next.place
        named: list[tuple[str, Query]] = []
        if self._accept("with"):
            if self._is("recursive"):
                raise missing("WITH RECURSIVE")
            named = [*self._list(self._named)]
        body = self._combined()
        order = self._order()
        limit: int | None = None
        offset: int | None = None
        offset_first = False
        if self._accept("offset"):
            offset = self._count()
        if self._accept("limit") and not self._accept("all"):
            limit = self._count()
            if self._sign(","):
                offset, limit, offset_first = limit, self._count(), True
            elif self._accept("offset"):
                offset = self._count()
        return Query(tuple(named), body, order, limit, offset, offset_first, place=place)

    def _named(self) -> tuple[str, Query]:
        name = self._name()
        if self._next.text == "(":
            raise missing("names of columns in WITH")
        self._expect("as")
        return name, self._parenthesized()

    def _parenthesized(self) -> Query:
        self._expect("(")
        query = self._query()
        self._expect(")")
        return query

    def _combined(self) -> Body:
        body = self._intersected()
        while self._is("union") or self._is("except"):
            place = self._next.place
            operator = self._take().low
            if self._accept("all"):
                if operator == "except":
                    raise missing("EXCEPT ALL")
                operator = "union all"
            else:
                self._accept("distinct")
            body = Combined(operator, body, self._intersected(), place=place)
        return body

    def _intersected(self) -> Body:
        body = self._body()
        while self._is("intersect"):
            place = self._take().place
            if self._is("all"):
                raise missing("INTERSECT ALL")
            self._accept("distinct")
            body = Combined("intersect", body, self._body(), place=place)
        return body

    def _body(self) -> Body:
        if self._next.text == "(" and self._next.kind == "sign":
            return self._parenthesized()
        if self._is("values") or self._is("table"):
            raise missing(self._next.low.upper())
        return self._select()

    def _select(self) -> Select:
        place = self._next.place
        self._expect("select")
        distinct = self._accept("distinct")
        if not distinct:
            self._accept("all")
        items = self._list(self._item)
        source = self._sources() if self._accept("from") else None
        where = self._expression() if self._accept("where") else None
        group = self._group() if self._accept("group", "by") else None
        having = self._expression() if self._accept("having") else None
        if self._is("window"):
            raise missing("WINDOW")
        return Select(items, distinct, source, where, group, having, place=place)

    def _group(self) -> tuple[Expression, ...]:
        for kind in ("rollup", "cube", "grouping"):
            if self._is(kind):
                raise missing(f"GROUP BY {kind.upper()}{' SETS' if kind == 'grouping' else ''}")
        return self._list(self._expression)

    def _item(self) -> Item | Star:
        token = self._next
        if self._sign("*"):
            return Star("", place=token.place)
        if token.kind in ("word", "quoted") and self._peek().text == "." and self._peek(2).text == "*":
            table = self._name()
            self._take()
            self._take()
            return Star(table, place=token.place)
        return Item(self._expression(), self._alias(), place=token.place)

    def _alias(self) -> str:
        if self._accept("as"):
            return self._name()
        token = self._next
        bare = token.kind == "word" and token.low not in RESERVED | {"limit", "offset", "window", "tablesample"}
        return self._name() if bare or token.kind == "quoted" else ""

    def _sources(self) -> Source:
        source = self._joined()
        while self._next.text == "," and self._next.kind == "sign":
            place = self._take().place
            source = Join("cross", source, self._joined(), None, (), place=place)
        return source

    def _joined(self) -> Source:
        source = self._source()
        while True:
            place, kind = self._next.place, ""
            if self._is("natural"):
                raise missing("NATURAL JOIN")
            if self._accept("cross", "join"):
                source = Join("cross", source, self._source(), None, (), place=place)
                continue
            for each in ("left", "right", "full"):
                if self._accept(each):
                    kind = each
                    self._accept("outer")
            if not kind and self._accept("inner"):
                kind = "inner"
            if not kind and not self._is("join"):
                return source
            self._expect("join")
            right = self._source()
            if self._accept("using"):
                self._expect("(")
                using = self._list(self._name)
                self._expect(")")
                source = Join(kind or "inner", source, right, None, using, place=place)
            else:
                self._expect("on")
                source = Join(kind or "inner", source, right, self._expression(), (), place=place)

    def _source(self) -> Source:
        return self._deeper(self._one_source)

    def _one_source(self) -> Source:
        place = self._next.place
        if self._is("unnest"):
            raise missing("UNNEST")
        if self._next.text == "(" and self._next.kind == "sign":
            if self._peek().low in ("select", "with") or self._peek().text == "(":
                query = self._parenthesized()
                alias = self._alias()
                columns: tuple[str, ...] = ()
                if alias and self._sign("("):
                    columns = self._list(self._name)
                    self._expect(")")
                return Derived(query, alias, columns, place=place)
            self._take()
            source = self._sources()
            self._expect(")")
            return source
        name = self._name()
        while self._next.text == "-" and self._peek().kind in ("word", "whole"):  # as logstores' names have it
            self._take()
            name += f"-{self._take().text}"
        if self._is("tablesample"):
            raise missing("TABLESAMPLE")
        return Table(name, self._alias(), place=place)
