"""The wildcards of policies."""

from __future__ import annotations

import re
from functools import lru_cache


def wildcard_matches(pattern: str, text: str) -> bool:
    """Match `*` (any characters, also none and also `/`) and `?` (one character).

    The parts between stars are looked for from left to right, each once: no pattern makes it go back.
    """
    first, *others = pattern.split("*")
    if not others:
        return _is(first, text)
    *middle, last = others
    begin, end = len(first), len(text) - len(last)
    if begin > end or not _is(first, text[:begin]) or not _is(last, text[end:]):
        return False
    for part in middle:
        found = _find(part, text, begin, end)
        if found < 0:
            return False
        begin = found + len(part)
    return True


def _is(part: str, text: str) -> bool:
    return len(part) == len(text) and all(one in ("?", other) for one, other in zip(part, text, strict=True))


def _find(part: str, text: str, begin: int, end: int) -> int:
    if "?" not in part:
        return text.find(part, begin, end)
    found = _compile(part).search(text, begin, end)
    return found.start() if found else -1


@lru_cache(maxsize=1024)
def _compile(part: str) -> re.Pattern[str]:
    return re.compile(".".join(map(re.escape, part.split("?"))), re.DOTALL)
