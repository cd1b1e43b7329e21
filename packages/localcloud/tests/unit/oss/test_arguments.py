"""Whole numbers in requests."""

from __future__ import annotations

import pytest

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError


@pytest.mark.parametrize("text", ["9" * 5000, "-1", "+1", "1.0", "", " 1", "١", "1_0", "11"])
def test_only_short_ascii_numbers_within_bounds_are_numbers(text: str) -> None:
    with pytest.raises(OssError, match=r"InvalidArgument: Argument max-keys must be an integer between 0 and 10\."):
        read_number("max-keys", text, low=0, high=10)
