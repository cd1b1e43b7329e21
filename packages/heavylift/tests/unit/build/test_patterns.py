"""Patterns as a recording names them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.build.patterns import parse_pattern, write_pattern


@settings(deadline=None)
@given(st.one_of(st.text(st.characters()), st.binary()), st.integers(min_value=0))
def test_whatever_a_pattern_holds_it_is_one_line_of_ascii_and_read_again(pattern: str | bytes, flags: int) -> None:
    word = write_pattern((pattern, flags))
    assert word.isascii()
    assert word.isprintable()
    assert parse_pattern(word) == (pattern, flags)
