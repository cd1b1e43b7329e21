"""The grammar of expressions, from what binds least to what binds most.

Sources: those of `localcloud.sls.analysis.parsing`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable

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
    Position,
    Query,
    Scalar,
    Subscript,
    Unary,
    Window,
)
from localcloud.sls.analysis.tokens import Cursor, Token, missing, wrong

_BARE_CALLS = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_UNITS = frozenset({"second", "minute", "hour", "day", "month", "year"})


class Expressions(Cursor, ABC):
    """Reads expressions; queries within them are of a grammar that builds upon this one."""

    @abstractmethod
    def _parenthesized(self) -> Query:
        """Read a query in parentheses."""

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

    def _dotted(self, name: str, token: Token, place: Position) -> Expression:
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
