"""Whole numbers in requests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError


@pytest.mark.parametrize("text", ["9" * 5000, "-1", "+1", "1.0", "", " 1", "١", "1_0", "11"])
def test_only_short_ascii_numbers_within_bounds_are_numbers(text: str) -> None:
    with pytest.raises(OssError, match=r"InvalidArgument: Argument max-keys must be an integer between 0 and 10\."):
        read_number("max-keys", text, low=0, high=10)


@settings(deadline=None)
@given(number=st.integers(0, 10**18 - 1))
def test_every_number_of_at_most_18_digits_is_read(number: int) -> None:
    assert read_number("position", str(number)) == number
