from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from localcloud.kernel.options import number, region, whole


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [(number(0), "0.5", 0.5), (whole(0, 9), "9", 9), (whole(1), "7", 7), (region, "cn-hangzhou", "cn-hangzhou")],
)
def test_a_value_within_its_bounds_is_taken(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((number(0), text) for text in ("-0.1", "nan", "x", "")),
        *((whole(0, 9), text) for text in ("10", "-1", "1.5", "9" * 5000)),
        *((region, text) for text in ("a/b", "CN", "", "cn-")),
    ],
    ids=range(12),
)
def test_any_other_is_refused_by_name(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r" is no"):
        read(text)
