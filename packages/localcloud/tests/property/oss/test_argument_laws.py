"""Laws of numbers in requests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.arguments import read_number


@settings(deadline=None)
@given(number=st.integers(0, 10**18 - 1))
def test_every_number_of_at_most_18_digits_is_read(number: int) -> None:
    assert read_number("position", str(number)) == number
