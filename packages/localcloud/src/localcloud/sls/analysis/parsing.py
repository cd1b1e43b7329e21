"""The text of a statement into its tree: the SELECT of Presto, as far as SLS takes it. What is left out is refused by name.

Sources: SLS, "Log analysis overview", "SELECT statement" and the pages of its clauses; `SqlBase.g4` of Presto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
)
from localcloud.sls.errors import SlsError

MAX_LENGTH = 64 * 1024  # characters; the embedded cloud's own limit
MAX_DEPTH = 40  # of parentheses in each other, and the like; likewise
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<real>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
    |(?P<whole>[0-9]+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_@]*)
    |(?P<sign><>|!=|>=|<=|\|\||->|[-+*/%()\[\],.;=<>:?])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = """
    alter and as between by case cast constraint create cross cube current_date current_time current_timestamp deallocate delete
    describe distinct drop else end escape except execute exists extract false for from full group grouping having in inner insert
    intersect into is join left like localtime localtimestamp natural normalize not null on or order outer prepare recursive right
    rollup select table then true uescape union unnest using values when where with
"""
_RESERVED = frozenset(_WORDS.split())  # words that name nothing unless they are quoted
_BARE_CALLS = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_UNITS = frozenset({"second", "minute", "hour", "day", "month", "year"})
_Thing = TypeVar("_Thing")


def wrong(place: Position, why: str) -> SlsError:
    """Return the error of a statement that is not right."""
    return SlsError("ParameterInvalid", f"{place}: {why}")


def missing(what: str) -> SlsError:
    """Return the error of what SLS takes in statements and the embedded cloud does not."""
    return SlsError("NotImplemented", f"not implemented: {what} in an analytic statement")


def parse(text: str) -> Query:
    """Read a statement.

    Raises:
        SlsError: ParameterInvalid or NotImplemented.
    """
    if len(text) > MAX_LENGTH:
        raise SlsError("ParameterInvalid", f"the analytic statement has more than {MAX_LENGTH} characters")
    return _Parser(_split(text)).statement()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, quoted, text, real, whole, sign or end
    text: str  # of words as they are written; of what is quoted without the quotation marks
    place: Position

    @property
    def low(self) -> str:
        return self.text.lower() if self.kind == "word" else ""

    def __str__(self) -> str:
        return "<EOF>" if self.kind == "end" else self.text[:80]


def _split(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, line, begin = 0, 1, 0
    while at < len(text):
        place = Position(line, at - begin + 1)
        found = _TOKEN.match(text, at)
        if found is None:
            raise wrong(place, "unclosed string quote" if text[at] in "'\"" else f"extraneous input {text[at]!r}")
        kind, content = found.lastgroup or "", found.group()
        if kind in ("text", "quoted"):
            quote = content[0]
            tokens.append(_Token(kind, content[1:-1].replace(quote * 2, quote), place))
        elif kind != "space":
            tokens.append(_Token(kind, content, place))
        line, at = line + content.count("\n"), found.end()
        if "\n" in content:
            begin = text.rfind("\n", 0, at) + 1
    tokens.append(_Token("end", "", Position(line, at - begin + 1)))
    return tokens


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    # Tokens.

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _peek(self, ahead: int = 1) -> _Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _take(self) -> _Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *words: str) -> bool:
        return all(self._peek(ahead).low == word for ahead, word in enumerate(words))

    def _accept(self, *words: str) -> bool:
        if self._is(*words):
            for _ in words:
                self._take()
            return True
        return False

    def _sign(self, *signs: str) -> str:
        """Take the next sign if it is one of these; empty: it is not."""
        if self._next.kind == "sign" and self._next.text in signs:
            return self._take().text
        return ""

    def _expect(self, wanted: str) -> None:
        if not (self._sign(wanted) or self._accept(wanted)):
            raise self._surprise(f"'{wanted}'")

    def _surprise(self, expecting: str) -> SlsError:
        token = self._next
        return wrong(token.place, f"mismatched input '{token}' expecting {expecting}")

    def _list(self, one: Callable[[], _Thing]) -> tuple[_Thing, ...]:
        things = [one()]
        while self._sign(","):
            things.append(one())
        return tuple(things)

    def _deeper(self, one: Callable[[], _Thing]) -> _Thing:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise wrong(self._next.place, f"expressions stand in each other more than {MAX_DEPTH} deep")
        thing = one()
        self._depth -= 1
        return thing

    def _name(self) -> str:
        token = self._next
        if token.kind == "quoted" or (token.kind == "word" and token.low not in _RESERVED):
            if self._peek().text == ":" and token.kind == "word":
                raise wrong(token.place, "identifiers must not contain ':'")
            return self._take().text
        if token.kind in ("whole", "real"):
            raise wrong(
                token.place, "identifiers must not start with a digit; surround the identifier with double quotes"
            )
        raise self._surprise("an identifier")

    # Queries.

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

    def _count(self) -> int:
        if self._next.kind != "whole":
            raise self._surprise("a number of rows")
        return int(self._take().text[:18])

    def _order(self) -> tuple[Order, ...]:
        return self._list(self._order_item) if self._accept("order", "by") else ()

    def _order_item(self) -> Order:
        place, expression = self._next.place, self._expression()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        nulls_first = False
        if self._accept("nulls"):
            nulls_first = self._accept("first")
            if not nulls_first:
                self._expect("last")
        return Order(expression, descending, nulls_first, place=place)

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
        bare = token.kind == "word" and token.low not in _RESERVED | {"limit", "offset", "window", "tablesample"}
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

    # Expressions, from what binds least to what binds most.

    def _expression(self) -> Expression:
        return self._deeper(self._either)

    def _either(self) -> Expression:
        return self._logical("or", self._both)

    def _both(self) -> Expression:
        return self._logical("and", self._not)

    def _logical(self, operator: str, inner: Callable[[], Expression]) -> Expression:
        place, operands = self._next.place, [inner()]
        while self._accept(operator):
            operands.append(inner())
        return operands[0] if len(operands) == 1 else Logical(operator, tuple(operands), place=place)

    def _not(self) -> Expression:
        if self._is("not"):
            place = self._take().place
            return Unary("not", self._deeper(self._not), place=place)
        return self._predicate()

    def _predicate(self) -> Expression:
        left = self._concatenation()
        while True:
            place = self._next.place
            if self._next.kind == "sign" and self._next.text in _COMPARISONS:
                operator = _COMPARISONS[self._take().text]
                if self._is("all") or self._is("any") or self._is("some"):
                    raise missing(f"a comparison with {self._next.low.upper()}")
                left = Binary(operator, left, self._concatenation(), place=place)
                continue
            if self._accept("is"):
                negated = self._accept("not")
                if self._accept("distinct", "from"):
                    raise missing("IS DISTINCT FROM")
                self._expect("null")
                left = IsNull(left, negated, place=place)
                continue
            negated = self._is("not") and self._peek().low in ("between", "in", "like")
            if negated:
                self._take()
            if self._accept("between"):
                low = self._concatenation()
                self._expect("and")
                left = Between(left, low, self._concatenation(), negated, place=place)
            elif self._accept("in"):
                left = In(left, self._among(), negated, place=place)
            elif self._accept("like"):
                pattern = self._concatenation()
                escape = self._concatenation() if self._accept("escape") else None
                left = Like(left, pattern, escape, negated, place=place)
            else:
                return left

    def _among(self) -> tuple[Expression, ...] | Query:
        if self._peek().low in ("select", "with"):
            return self._parenthesized()
        self._expect("(")
        items = self._list(self._expression)
        self._expect(")")
        return items

    def _concatenation(self) -> Expression:
        return self._chain(("||",), self._sum)

    def _sum(self) -> Expression:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Expression:
        return self._chain(("*", "/", "%"), self._signed)

    def _chain(self, operators: tuple[str, ...], inner: Callable[[], Expression]) -> Expression:
        left = inner()
        while self._next.kind == "sign" and self._next.text in operators:
            token = self._take()
            left = Binary(token.text, left, inner(), place=token.place)
        return left

    def _signed(self) -> Expression:
        place = self._next.place
        if sign := self._sign("-", "+"):
            return Unary(sign, self._deeper(self._signed), place=place)
        primary = self._primary()
        while True:
            place = self._next.place
            if self._sign("["):
                primary = Subscript(primary, self._expression(), place=place)
                self._expect("]")
            elif self._is("at", "time"):
                raise missing("AT TIME ZONE")
            else:
                return primary

    def _primary(self) -> Expression:
        token = self._next
        place = token.place
        match token.kind:
            case "text":
                return Constant(self._take().text, place=place)
            case "real":
                return Constant(float(self._take().text), place=place)
            case "whole":
                number = self._take()
                if self._next.kind == "word" and self._tokens[self._at].place == Position(
                    place.line, place.column + len(number.text)
                ):
                    raise wrong(
                        place, "identifiers must not start with a digit; surround the identifier with double quotes"
                    )
                value = int(number.text) if len(number.text) < 20 else 2**63
                if value >= 2**63:
                    raise wrong(place, f"Invalid numeric literal: {number}")
                return Constant(value, place=place)
            case "sign" if token.text == "(":
                return self._in_parentheses()
        if token.kind == "word":
            special = self._special(token.low, place)
            if special is not None:
                return special
        name = self._name()
        if token.kind == "word" and self._next.text == "(" and self._next.kind == "sign":
            return self._call(token.low, place)
        if self._next.text == "." and self._next.kind == "sign":
            self._take()
            return self._dotted(name, token, place)
        return Column(name, quoted=token.kind == "quoted", place=place)

    def _dotted(self, name: str, token: _Token, place: Position) -> Expression:
        inner = self._name()
        while self._sign("."):
            inner += f".{self._name()}"
        return Column(inner, name, token.kind == "quoted", place=place)

    def _in_parentheses(self) -> Expression:
        place = self._next.place
        if self._peek().low in ("select", "with"):
            return Scalar(self._parenthesized(), place=place)
        self._take()
        if self._next.text == ")" and self._peek().text == "->":
            raise missing("a lambda expression")
        expression = self._expression()
        if self._next.text == ",":
            raise missing("a row of several values")
        self._expect(")")
        if self._next.text == "->":
            raise missing("a lambda expression")
        return expression

    def _special(self, word: str, place: Position) -> Expression | None:
        """Read what begins with a word that has a meaning of its own; None: it is a name."""
        followed = self._peek()
        if word in ("true", "false", "null"):
            self._take()
            return Constant({"true": True, "false": False, "null": None}[word], place=place)
        if word in _BARE_CALLS:
            self._take()
            return Call(word, (), place=place)
        if word in ("timestamp", "date") and followed.kind == "text":
            self._take()
            return Constant(self._take().text, word, place=place)
        if word == "interval" and (followed.kind in ("text", "whole") or followed.text in ("-", "+")):
            return self._interval(place)
        if word == "case":
            return self._case(place)
        if word in ("cast", "try_cast", "exists", "extract", "position", "array", "row") and followed.text in (
            "(",
            "[",
        ):
            self._take()
            return self._construct(word, place)
        if followed.text == "->":
            raise missing("a lambda expression")
        return None

    def _construct(self, word: str, place: Position) -> Expression:
        match word:
            case "cast" | "try_cast":
                self._expect("(")
                operand = self._expression()
                self._expect("as")
                kind, length = self._type()
                self._expect(")")
                cast = Cast(operand, kind, word == "try_cast", place=place)
                if length is None:
                    return cast
                return Call("substr", (cast, Constant(1), Constant(length)), place=place)
            case "exists":
                return Exists(self._parenthesized(), place=place)
            case "extract":
                self._expect("(")
                unit = self._take().low
                self._expect("from")
                operand = self._expression()
                self._expect(")")
                return Call(unit, (operand,), place=place)
            case "position":
                self._expect("(")
                part = self._concatenation()
                self._expect("in")
                text = self._expression()
                self._expect(")")
                return Call("strpos", (text, part), place=place)
            case "array" if self._next.text == "[":
                self._take()
                items = () if self._next.text == "]" else self._list(self._expression)
                self._expect("]")
                return Array(items, place=place)
            case _:
                raise missing(word.upper())

    def _type(self) -> tuple[str, int | None]:
        """Read the name of a type, and the characters that its texts have at most."""
        name = self._take()
        if name.kind != "word":
            raise wrong(name.place, f"mismatched input '{name}' expecting a type")
        kind = name.low
        if kind == "double":
            self._accept("precision")
        length = None
        if self._sign("("):
            if kind != "varchar":
                raise missing(f"the type {kind}(…)")
            length = self._count()
            self._expect(")")
        if self._is("with") or self._is("without"):
            raise missing(f"the type {kind} with a time zone")
        return kind, length

    def _interval(self, place: Position) -> Interval:
        self._take()
        sign = self._sign("-", "+")
        token = self._take()
        if not re.fullmatch(r"-?[0-9]{1,9}", token.text, re.ASCII):
            raise missing(f"the interval {token.text[:40]!r}")
        unit = self._take()
        if unit.low not in _UNITS or self._is("to"):
            raise missing(f"the interval of {unit}")
        return Interval(int(token.text) * (-1 if sign == "-" else 1), unit.low, place=place)

    def _case(self, place: Position) -> Case:
        self._take()
        operand = None if self._is("when") else self._expression()
        whens: list[tuple[Expression, Expression]] = []
        while self._accept("when"):
            condition = self._expression()
            self._expect("then")
            whens.append((condition, self._expression()))
        if not whens:
            raise self._surprise("'when'")
        otherwise = self._expression() if self._accept("else") else None
        self._expect("end")
        return Case(operand, tuple(whens), otherwise, place=place)

    def _call(self, name: str, place: Position) -> Expression:
        self._expect("(")
        star = distinct = False
        arguments: tuple[Expression, ...] = ()
        if self._sign("*"):
            star = True
        elif self._next.text != ")":
            distinct = self._accept("distinct")
            arguments = self._list(self._expression)
        if self._is("order", "by"):
            raise missing("ORDER BY within an aggregate function")
        self._expect(")")
        condition: Expression | None = None
        if self._is("filter") and self._peek().text == "(":
            self._take()
            self._expect("(")
            self._expect("where")
            condition = self._expression()
            self._expect(")")
        if self._is("ignore", "nulls") or self._is("respect", "nulls"):
            raise missing(f"{self._next.text.upper()} NULLS")
        window = self._deeper(self._window) if self._is("over") and self._peek().text == "(" else None
        return Call(name, arguments, star, distinct, condition, window, place=place)

    def _window(self) -> Window:
        place = self._take().place
        self._expect("(")
        partition = self._list(self._expression) if self._accept("partition", "by") else ()
        order = self._order()
        frame = self._frame() if self._is("rows") or self._is("range") else ""
        self._expect(")")
        return Window(partition, order, frame, place=place)

    def _frame(self) -> str:
        kind = self._take().low.upper()
        if not self._accept("between"):
            return f"{kind} {self._bound()}"
        first = self._bound()
        self._expect("and")
        return f"{kind} BETWEEN {first} AND {self._bound()}"

    def _bound(self) -> str:
        if self._accept("current", "row"):
            return "CURRENT ROW"
        number = "UNBOUNDED" if self._accept("unbounded") else str(self._count())
        if self._accept("preceding"):
            return f"{number} PRECEDING"
        self._expect("following")
        return f"{number} FOLLOWING"
