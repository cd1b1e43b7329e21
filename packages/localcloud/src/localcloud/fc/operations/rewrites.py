"""Rewriting of a request's path on its way from a custom domain to a function. Pure, and linear in the length of the path.

Source: Function Compute, "Configure a rewrite policy". Rules of regular expressions are not among it: one that backtracks would
hold everybody up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from localcloud.fc.domains import EQUAL, KINDS, Rewrite

_REFERENCE = re.compile(r"\$(\d)")


def rewrite(rules: Sequence[Rewrite], target: str) -> str:
    """Return the target of a request, its path and query, as the first rule that matches rewrites it."""
    for rule in sorted(rules, key=lambda each: KINDS.index(each.kind)):
        path, mark, query = target.partition("?")
        if rule.kind == EQUAL:
            if path == rule.match:
                return rule.replacement + mark + query
        elif (captured := match_wildcard(rule.match, target)) is not None:
            return _REFERENCE.sub(lambda found: _at(captured, int(found[1])), rule.replacement)
    return target


def match_wildcard(pattern: str, text: str) -> list[str] | None:
    """Return what each `*` of a pattern stands for; None: it does not match.

    `^` at its beginning stands for the beginning of the text; otherwise anything may come before. Of several ways to match, each
    `*` but the last one stands for as little as possible (assumed).
    """
    anchored = pattern.startswith("^")
    first, *others = pattern.removeprefix("^").split("*")
    begin = 0 if anchored else text.find(first) if others else len(text) - len(first)
    if begin < 0 or not text.startswith(first, begin):
        return None
    place = begin + len(first)
    if not others:
        return [] if place == len(text) else None
    captured = []
    for literal in others[:-1]:
        found = text.find(literal, place)
        if found < 0:
            return None
        captured.append(text[place:found])
        place = found + len(literal)
    last = len(text) - len(others[-1])
    if last < place or not text.endswith(others[-1]):
        return None
    return [*captured, text[place:last]]


def _at(captured: Sequence[str], number: int) -> str:
    return captured[number - 1] if 0 < number <= len(captured) else ""
