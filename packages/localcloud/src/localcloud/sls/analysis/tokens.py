"""The words of a statement, and a parser's way through them: what comes next, what is taken, what was expected instead.

Source: `SqlBase.g4` of Presto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from localcloud.sls.analysis.syntax import Position
from localcloud.sls.errors import SlsError

MAX_DEPTH = 40  # of parentheses in each other, and the like; the embedded cloud's own limit
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
RESERVED = frozenset(_WORDS.split())  # words that name nothing unless they are quoted
_Thing = TypeVar("_Thing")


def wrong(place: Position, why: str) -> SlsError:
    """Return the error of a statement that is not right."""
    return SlsError("ParameterInvalid", f"{place}: {why}")


def missing(what: str) -> SlsError:
    """Return the error of what SLS takes in statements and the embedded cloud does not."""
    return SlsError("NotImplemented", f"not implemented: {what} in an analytic statement")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a statement."""

    kind: str  # word, quoted, text, real, whole, sign or end
    text: str  # of words as they are written; of what is quoted without the quotation marks
    place: Position

    @property
    def low(self) -> str:
        """The word in lower case; empty: it is none."""
        return self.text.lower() if self.kind == "word" else ""

    def __str__(self) -> str:
        return "<EOF>" if self.kind == "end" else self.text[:80]


def split(text: str) -> list[Token]:
    """Return the words of a statement, without the space between them; the last one is its end.

    Raises:
        SlsError: ParameterInvalid.
    """
    tokens: list[Token] = []
    at, line, begin = 0, 1, 0
    while at < len(text):
        place = Position(line, at - begin + 1)
        found = _TOKEN.match(text, at)
        if found is None:
            raise wrong(place, "unclosed string quote" if text[at] in "'\"" else f"extraneous input {text[at]!r}")
        kind, content = found.lastgroup or "", found.group()
        if kind in ("text", "quoted"):
            quote = content[0]
            tokens.append(Token(kind, content[1:-1].replace(quote * 2, quote), place))
        elif kind != "space":
            tokens.append(Token(kind, content, place))
        line, at = line + content.count("\n"), found.end()
        if "\n" in content:
            begin = text.rfind("\n", 0, at) + 1
    tokens.append(Token("end", "", Position(line, at - begin + 1)))
    return tokens


class Cursor:
    """Reads words one after the other; a grammar is built upon it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
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
        if token.kind == "quoted" or (token.kind == "word" and token.low not in RESERVED):
            if self._peek().text == ":" and token.kind == "word":
                raise wrong(token.place, "identifiers must not contain ':'")
            return self._take().text
        if token.kind in ("whole", "real"):
            raise wrong(
                token.place, "identifiers must not start with a digit; surround the identifier with double quotes"
            )
        raise self._surprise("an identifier")

    def _count(self) -> int:
        if self._next.kind != "whole":
            raise self._surprise("a number of rows")
        return int(self._take().text[:18])
