"""The search syntax, from a text into a tree.

A word is a sequence of characters, among them `MANY` and `ONE` for the wildcards `*` and `?` that stand in it unquoted.

    query      = [conditions]
    conditions = condition {["and" | "or"] condition}; `and` binds closer, and is meant where nothing stands
    condition  = "not" condition | "(" conditions ")" | word | name ":" value | name operator number | name "in" range
    value      = word | quoted | "#" quoted
    range      = ("(" | "[") number number (")" | "]")

Source: SLS, "Search syntax".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from localcloud.sls.errors import SlsError

MANY, ONE = "**", "??"  # in a word: the wildcards
MAX_QUERY = 16 * 1024  # characters; the embedded cloud's own limit: to read a megabyte keeps all services waiting
MAX_CONDITIONS = 30
MAX_DEPTH = 30  # of conditions in each other
MAX_PATTERN = 64  # characters of a word with wildcards
Word: TypeAlias = Sequence[str]  # characters and wildcards


@dataclass(frozen=True, slots=True)
class Everything:
    """Every log."""


@dataclass(frozen=True, slots=True)
class Not:
    """The logs that a condition does not hold for."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class All:
    """The logs that all conditions hold for."""

    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class Any:
    """The logs that one of some conditions holds for."""

    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class Has:
    """The logs that have a word, or the words that an index makes of it."""

    field: str  # empty: any one
    word: Word
    phrase: bool = False  # as it stands there


@dataclass(frozen=True, slots=True)
class Exists:
    """The logs that have a field."""

    field: str
    empty: bool = False  # and nothing in it


@dataclass(frozen=True, slots=True)
class Within:
    """The logs whose field is a number in an interval."""

    field: str
    low: float
    high: float
    with_low: bool
    with_high: bool
    text: str  # the condition as it was written


Condition: TypeAlias = Everything | Not | All | Any | Has | Exists | Within


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, quoted, phrase, or the sign itself
    word: Word = ()
    joined: bool = False  # to the one before, without a space

    @property
    def text(self) -> str:
        return "".join({MANY: "*", ONE: "?"}.get(one, one) for one in self.word)

    def says(self, keyword: str) -> bool:
        return self.kind == "word" and self.text.lower() == keyword


_SIGNS = (">=", "<=", "!=", ">", "<", "=", ":", "(", ")", "[", "]")
_END = _Token("end")
_INFINITE = float("inf")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def parse(query: str) -> Condition:
    """Read a query.

    Raises:
        SlsError: InvalidQueryString.
    """
    if len(query) > MAX_QUERY:
        raise _wrong(f"it has more than {MAX_QUERY} characters")
    return _Parser(_split(query)).parse()


def split(query: str) -> tuple[str, str | None]:
    """Return a query's search, and the analytic statement that follows it; None: none does."""
    place, quoted = 0, False
    while place < len(query):
        match query[place]:
            case "\\":
                place += 1
            case '"':
                quoted = not quoted
            case "|" if not quoted:
                return query[:place].strip(), query[place + 1 :].strip()
        place += 1
    return query, None


def _wrong(why: str) -> SlsError:
    return SlsError("InvalidQueryString", f"the query cannot be read: {why}")


def _split(query: str) -> list[_Token]:
    tokens: list[_Token] = []
    place, spaced = 0, True
    while place < len(query):
        begin = place
        if query[place].isspace():
            place, spaced = place + 1, True
            continue
        if query[place] == "|":
            raise _wrong("| is out of place")
        kind = next((sign for sign in _SIGNS if query.startswith(sign, place)), "")
        word: Word = ()
        if kind:
            place += len(kind)
        elif query.startswith('#"', place):
            kind = "phrase"
            word, place = _quoted(query, place + 2)
        elif query[place] == '"':
            kind = "quoted"
            word, place = _quoted(query, place + 1)
        else:
            kind = "word"
            word, place = _bare(query, place)
        assert place > begin, "each turn takes something away"
        tokens.append(_Token(kind, word, joined=not spaced))
        spaced = False
    return tokens


def _quoted(query: str, place: int) -> tuple[Word, int]:
    word: list[str] = []
    while place < len(query):
        one = query[place]
        if one == '"':
            return word, place + 1
        if one == "\\" and place + 1 < len(query):
            place += 1
            one = query[place]
        word.append(one)
        place += 1
    raise _wrong("a quotation mark is not closed")


def _bare(query: str, place: int) -> tuple[Word, int]:
    word: list[str] = []
    while place < len(query):
        one = query[place]
        if one.isspace() or one in '"|' or any(query.startswith(sign, place) for sign in _SIGNS):
            break
        if one == "\\" and place + 1 < len(query):
            place += 1
            one = query[place]
        else:
            one = {"*": MANY, "?": ONE}.get(one, one)
        word.append(one)
        place += 1
    return word, place


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._conditions = 0

    def parse(self) -> Condition:
        if not self._tokens:
            return Everything()
        condition = self._either(0)
        if self._next is not _END:
            raise _wrong(f"{self._next.text or self._next.kind!r} is out of place")
        return condition

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _either(self, depth: int) -> Condition:
        conditions = [self._both(depth)]
        while self._next.says("or"):
            self._take()
            conditions.append(self._both(depth))
        return conditions[0] if len(conditions) == 1 else Any(conditions)

    def _both(self, depth: int) -> Condition:
        conditions = [self._one(depth)]
        while self._next is not _END and self._next.kind != ")" and not self._next.says("or"):
            if self._next.says("and"):
                self._take()
            conditions.append(self._one(depth))
        return conditions[0] if len(conditions) == 1 else All(conditions)

    def _one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise _wrong(f"conditions stand in each other more than {MAX_DEPTH} deep")
        token = self._take()
        if token.says("not"):
            return Not(self._one(depth + 1))
        if token.kind == "(":
            condition = self._either(depth + 1)
            if self._take().kind != ")":
                raise _wrong("a parenthesis is not closed")
            return condition
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise _wrong(f"it has more than {MAX_CONDITIONS} conditions")
        if token.kind == "phrase":
            return Has("", token.word, phrase=True)
        if token.kind not in ("word", "quoted") or token.says("and") or token.says("or"):
            raise _wrong(f"a condition is missing before {token.text or token.kind!r}")
        return self._condition(token)

    def _condition(self, token: _Token) -> Condition:
        if self._next.kind == ":":
            return self._value(token.text)
        if self._next.kind in (">", ">=", "<", "<=", "="):
            return self._comparison(token.text)
        if (
            self._next.says("in")
            and self._place + 1 < len(self._tokens)
            and self._tokens[self._place + 1].kind in ("[", "(")
        ):
            return self._interval(token.text)
        if token.kind == "word" and token.word == [MANY]:
            return Everything()
        return Has("", _checked(token.word))

    def _value(self, field: str) -> Condition:
        self._take()
        token = self._take()
        if field == "__tag__" and token.kind in ("word", "quoted") and self._next.kind == ":":
            return self._value(f"{field}:{token.text}")
        if token.kind not in ("word", "quoted", "phrase"):
            raise _wrong(f"the value of {field} is missing")
        if token.kind == "word" and token.word == [MANY]:
            return Exists(field)
        if not token.word:
            return Exists(field, empty=True)
        return Has(field, _checked(token.word), phrase=token.kind == "phrase")

    def _comparison(self, field: str) -> Condition:
        sign = self._take().kind
        text = self._take().text
        number = _number(text)
        low, high = {"=": (number, number)}.get(
            sign, (number, _INFINITE) if sign.startswith(">") else (-_INFINITE, number)
        )
        return Within(field, low, high, sign != ">", sign != "<", f"{field}{sign}{text}")

    def _interval(self, field: str) -> Condition:
        self._take()
        opening = self._take().kind
        low, high = self._take().text, self._take().text
        closing = self._take().kind
        if closing not in (")", "]"):
            raise _wrong(f"the range of {field} is not closed")
        text = f"{field} in {opening}{low} {high}{closing}"
        return Within(field, _number(low), _number(high), opening == "[", closing == "]", text)


def _checked(word: Word) -> Word:
    """Refuse a word with wildcards that is too long, or begins with one: what is searched for by its beginning needs that."""
    if word and word[0] in (MANY, ONE):
        raise _wrong("a word does not begin with * or ?")
    if len(word) > MAX_PATTERN and (MANY in word or ONE in word):
        raise _wrong(f"a word with * or ? has at most {MAX_PATTERN} characters")
    return word


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _wrong(f"{text[:40]!r} is no number")
    return float(text)
