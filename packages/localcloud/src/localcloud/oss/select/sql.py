"""The SQL of SelectObject, compiled into functions of a record. Pure.

`SELECT * | item [AS name], … FROM ossobject[path] [[AS] alias] [WHERE condition] [LIMIT count]`, with AND, OR, NOT, comparisons,
LIKE, BETWEEN, IN, IS NULL, arithmetic, `||` (in conditions), CAST, and AVG, COUNT, MAX, MIN, SUM as items. There is no ORDER BY,
GROUP BY or JOIN, as in OSS. A comparison with nothing is not true.

Source: OSS, "SelectObject", "Query objects".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from localcloud.kernel.values import read_whole
from localcloud.oss.errors import OssError
from localcloud.oss.select.values import (
    CASTS,
    Evaluate,
    Path,
    calculating,
    casting,
    comparing,
    is_true,
    joining,
    like,
    text_of,
)

MAX_SQL = 16 * 1024  # characters
MAX_DEPTH = 50  # of values within each other: parentheses, signs, CAST
MAX_CHAIN = 500  # values that are added, multiplied or joined in a row
MAX_DIGITS = 300  # of a number


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One result: a value of each record, or of all of them."""

    name: str
    evaluate: Evaluate
    aggregate: str | None = None  # avg, count, max, min, sum
    column: Path | None = None  # when it is nothing but a column


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A statement."""

    items: tuple[Item, ...]  # empty: everything
    source: Path  # behind `ossobject`; "*" for [*]
    where: Evaluate | None
    limit: int | None
    columns: frozenset[Path] = field(default_factory=frozenset)  # all that are named

    @property
    def aggregates(self) -> bool:
        """Return whether there is one result of all records."""
        return any(item.aggregate for item in self.items)


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|'(?P<text>(?:[^']|'')*)'|"(?P<quoted>[^"]+)"|(?P<name>[^\W\d][\w$]*)
    |(?P<sign><=|>=|<>|!=|\|\||[-+*/%=<>(),.\[\]]))""",
    re.VERBOSE,
)
_FROM = re.compile(r"\sfrom\s+(?P<source>ossobject\S*)", re.IGNORECASE)
_STEP = re.compile(r"\.(?P<name>[^.\[\]'\"]+)|\[(?P<index>\*|\d+)\]|'|\.\"(?P<quoted>[^\"]+)\"")
_AGGREGATES = frozenset({"avg", "count", "max", "min", "sum"})
_WORDS = frozenset(
    {"and", "or", "not", "like", "between", "in", "is", "null", "as", "from", "where", "limit", "escape", "select"}
)
_CONSTANTS = frozenset({"true", "false", "null"})
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def parse(sql: str) -> Query:
    """Parse a statement.

    Raises:
        OssError: InvalidSqlParameter (empty, or too long), SqlSyntaxError.
    """
    if not 0 < len(sql) <= MAX_SQL:
        raise wrong(f"it must have 1 to {MAX_SQL} characters", code="InvalidSqlParameter")
    found = _FROM.search(sql)
    if found is None:
        raise wrong("expected SELECT … FROM ossobject")
    return _Parser(_tokens(sql[: found.start()]), _tokens(sql[found.end() :]), _source(found["source"])).query()


def wrong(why: str, *, code: str = "SqlSyntaxError") -> OssError:
    """Return the error for a statement that is not understood."""
    return OssError(code, f"The SQL is not valid: {why}.")


def _source(text: str) -> Path:
    path: list[str | int] = []
    rest = text[len("ossobject") :]
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise wrong(f"the source {text[:80]} is not understood")
        if step["index"]:
            path.append("*" if step["index"] == "*" else _read_whole(step["index"]))
        elif name := step["name"] or step["quoted"]:
            path.append(name)
        rest = rest[step.end() :]
    return tuple(path)


def _read_whole(text: str) -> int:
    try:
        return read_whole(text)
    except ValueError as error:
        raise wrong(str(error)) from error


def _read_number(text: str) -> int | Decimal:
    try:
        number = Decimal(text)
        if len(text) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_DIGITS:
            return int(text) if text.isdigit() else number
    except ArithmeticError:
        pass
    raise wrong(f"the number {text[:40]} is out of range")


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise wrong(f"{text[at:].strip()[:40]} is not understood")
        tokens.append((found.lastgroup, found[found.lastgroup].replace("''", "'")))
        at = found.end()
    return tokens


class _Parser:
    def __init__(self, items: list[tuple[str, str]], rest: list[tuple[str, str]], source: Path) -> None:
        self._items, self._rest, self._source = items, rest, source
        self._tokens: list[tuple[str, str]] = []
        self._alias = "ossobject"
        self._columns: set[Path] = set()
        self._depth = 0
        self._in_items = True

    def query(self) -> Query:
        self._tokens = self._rest
        self._take("as")
        if self._tokens and self._tokens[0][0] == "name" and self._tokens[0][1].lower() not in _WORDS:
            self._alias = self._tokens.pop(0)[1]
        self._in_items = False
        where = self._condition() if self._take("where") else None
        limit = None
        if self._take("limit"):
            limit = self._whole()
        self._end()
        self._tokens, self._in_items = self._items, True
        if not self._take("select"):
            raise wrong("expected SELECT")
        items = [] if self._tokens == [("sign", "*")] else self._list()
        if len({item.aggregate is None for item in items}) > 1:
            raise wrong("columns stand beside aggregates")
        return Query(
            items=tuple(items), source=self._source, where=where, limit=limit, columns=frozenset(self._columns)
        )

    def _list(self) -> list[Item]:
        items = [self._item(1)]
        while self._sign(","):
            items.append(self._item(len(items) + 1))
        self._end()
        return items

    def _item(self, number: int) -> Item:
        name, aggregate, column = f"_{number}", None, None
        following = self._tokens[1:2] == [("sign", "(")]
        if following and self._tokens[0][0] == "name" and self._tokens[0][1].lower() in _AGGREGATES:
            aggregate = self._tokens.pop(0)[1].lower()
            self._tokens.pop(0)
            evaluate = self._all() if self._sign("*") else self._sum()
            self._close()
        else:
            before = list(self._tokens)
            evaluate = self._sum()
            column = self._column(before)
            name = str(column[-1]) if column else name
        while self._take("as"):
            name = self._expect("name", "quoted")
        return Item(name=name, evaluate=evaluate, aggregate=aggregate, column=column)

    def _column(self, before: list[tuple[str, str]]) -> Path | None:
        """Return the column that the tokens taken since are; None: they are more, or no column."""
        kind, text = before[0]
        if kind != "quoted" and (kind != "name" or text.lower() in _WORDS | _CONSTANTS):
            return None
        after, self._tokens = self._tokens, list(before)
        path = self._path()
        alone = len(self._tokens) == len(after)
        self._tokens = after
        return path if alone else None

    def _all(self) -> Evaluate:
        return lambda _: 1

    def _condition(self) -> Evaluate:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda record: any(is_true(part(record)) for part in parts)

    def _both(self) -> Evaluate:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda record: all(is_true(part(record)) for part in parts)

    def _negation(self) -> Evaluate:
        negations = 0
        while self._take("not"):
            negations += 1
        inner = self._comparison()
        return (lambda record: not is_true(inner(record))) if negations % 2 else inner

    def _comparison(self) -> Evaluate:
        left = self._sum()
        for sign, compare in _COMPARE.items():
            if self._tokens[:1] == [("sign", sign)]:
                self._tokens.pop(0)
                return comparing(left, compare, self._sum())
        if self._take("is"):
            wanted = not self._take("not")
            self._need("null")
            return lambda record: (left(record) in (None, "")) is wanted
        wanted = not self._take("not")
        if self._take("like"):
            pattern = self._expect("text")
            matches = like(pattern, self._expect("text") if self._take("escape") else "")
            return lambda record: (value := left(record)) is not None and matches(text_of(value)) is wanted
        if self._take("between"):
            low = comparing(left, operator.ge, self._sum())
            self._need("and")
            high = comparing(left, operator.le, self._sum())
            return lambda record: (low(record) and high(record)) is wanted
        if self._take("in"):
            self._open()
            equal = [comparing(left, operator.eq, self._sum())]
            while self._sign(","):
                equal.append(comparing(left, operator.eq, self._sum()))
            self._close()
            return lambda record: any(each(record) for each in equal) is wanted
        if not wanted:
            raise wrong("NOT stands where LIKE, BETWEEN or IN should follow")
        return left

    def _sum(self) -> Evaluate:
        return self._chain(("+", "-", "||"), lambda: self._chain(("*", "/", "%"), self._value))

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Evaluate]) -> Evaluate:
        left, length = operand(), 1
        while self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            sign, length = self._tokens.pop(0)[1], length + 1
            if length > MAX_CHAIN:  # each value is evaluated within the next
                raise wrong(f"more than {MAX_CHAIN} values stand in a row")
            if sign == "||":
                if self._in_items:
                    raise wrong("|| stands among the items; it joins texts in conditions")
                left = joining(left, operand())
            else:
                left = calculating(left, _ARITHMETIC[sign], operand())
        return left

    def _value(self) -> Evaluate:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise wrong("it is nested too deeply")
        value = self._one_value()
        self._depth -= 1
        return value

    def _one_value(self) -> Evaluate:
        if self._sign("("):
            inner = self._condition()
            self._close()
            return inner
        if self._sign("-"):
            return calculating(lambda _: 0, operator.sub, self._value())
        kind, text = self._tokens[0] if self._tokens else ("", "")
        if kind == "number":
            self._tokens.pop(0)
            number = _read_number(text)
            return lambda _: number
        if kind == "text":
            self._tokens.pop(0)
            return lambda _: text
        lower = text.lower()
        if kind == "name" and lower in _CONSTANTS:
            self._tokens.pop(0)
            return lambda _: {"true": True, "false": False}.get(lower)
        if kind == "name" and lower == "cast":
            return self._cast()
        if kind not in {"name", "quoted"} or (kind == "name" and lower in _WORDS):
            raise wrong(f"a value should stand where {text or 'the statement ends'}{' stands' if text else ''}")
        path = self._path()
        if self._tokens[:1] == [("sign", "(")]:
            raise wrong(f"the function {text} does not stand here, or does not exist")
        self._columns.add(path)
        return lambda record: record.get(path)

    def _path(self) -> Path:
        path: list[str | int] = [self._expect("name", "quoted")]
        while self._tokens[:1] in ([("sign", ".")], [("sign", "[")]):
            if self._sign("."):
                path.append(self._expect("name", "quoted"))
            else:
                self._tokens.pop(0)
                path.append(self._whole())
                if not self._sign("]"):
                    raise wrong("] is missing")
        if len(path) > 1 and path[0] in {self._alias, "ossobject"}:
            path.pop(0)
        return tuple(path)

    def _cast(self) -> Evaluate:
        self._tokens.pop(0)
        self._open()
        inner = self._sum()
        self._need("as")
        kind = self._expect("name").lower()
        self._close()
        if kind not in CASTS:
            raise wrong(f"not implemented: CAST AS {kind}; there are {', '.join(CASTS)}")
        return casting(inner, CASTS[kind], kind)

    def _take(self, word: str) -> bool:
        found = bool(self._tokens) and self._tokens[0][0] == "name" and self._tokens[0][1].lower() == word
        if found:
            self._tokens.pop(0)
        return found

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise wrong(f"{word.upper()} is missing")

    def _sign(self, sign: str) -> bool:
        found = self._tokens[:1] == [("sign", sign)]
        if found:
            self._tokens.pop(0)
        return found

    def _open(self) -> None:
        if not self._sign("("):
            raise wrong("( is missing")

    def _close(self) -> None:
        if not self._sign(")"):
            raise wrong(") is missing")

    def _expect(self, *kinds: str) -> str:
        if not self._tokens or self._tokens[0][0] not in kinds:
            raise wrong(f"a {kinds[0]} is missing")
        return self._tokens.pop(0)[1]

    def _whole(self) -> int:
        return _read_whole(self._expect("number"))

    def _end(self) -> None:
        if self._tokens:
            raise wrong(f"{self._tokens[0][1]} is not understood here")
