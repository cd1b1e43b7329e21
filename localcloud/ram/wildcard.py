"""The wildcards of policies."""

from __future__ import annotations


def wildcard_matches(pattern: str, text: str) -> bool:
    """Match `*` (any characters, also none and also `/`) and `?` (one character), in time pattern x text at worst."""
    position, star, resume = 0, -1, 0
    index = 0
    while index < len(text):
        if position < len(pattern) and pattern[position] == "*":
            star, resume = position, index
            position += 1
        elif position < len(pattern) and pattern[position] in ("?", text[index]):
            position += 1
            index += 1
        elif star >= 0:
            resume += 1
            position, index = star + 1, resume
        else:
            return False
    return all(character == "*" for character in pattern[position:])
