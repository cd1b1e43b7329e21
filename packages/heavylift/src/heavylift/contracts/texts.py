"""Texts that somebody else wrote, which may hold what no text may."""

from __future__ import annotations


def is_text(value: str) -> bool:
    """Return whether a text can be an argument, a name, part of a request: no NUL, no half of a character.

    JSON can hold both. Source: RFC 8259, section 8.2.
    """
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
