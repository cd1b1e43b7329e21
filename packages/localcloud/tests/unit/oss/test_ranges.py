"""Range headers, against their definition byte by byte."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.ranges import parse_range


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "header", [None, "", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1;3-4", "lines=0-1", "bytes=a-b"]
)
def test_what_is_no_range_is_ignored(header: str | None, strict: bool) -> None:
    assert parse_range(header, 10, strict=strict) is None


@pytest.mark.parametrize(("header", "found"), [("bytes=0-%s", (0, 10)), ("bytes=-%s", (0, 10)), ("bytes=%s-", None)])
def test_a_number_of_5000_digits_lies_beyond_every_object(header: str, found: tuple[int, int] | None) -> None:
    header %= "9" * 5000
    assert parse_range(header, 10, strict=False) is None
    if found:
        assert parse_range(header, 10, strict=True) == found
    else:
        with pytest.raises(OssError, match="InvalidRange"):
            parse_range(header, 10, strict=True)


def test_of_several_ranges_the_first_is_sent() -> None:
    assert parse_range("bytes=0-1,3-4", 10, strict=False) == (0, 2)
    assert parse_range("bytes=-3, 0-1", 10, strict=True) == (7, 10)
    assert parse_range("bytes=1-2,", 10, strict=False) == parse_range("bytes=1-2,a-c", 10, strict=True) == (1, 3)
    assert parse_range("bytes=,1-2", 10, strict=True) is None


@pytest.mark.parametrize("strict", [False, True])
def test_the_last_zero_bytes_are_no_range(strict: bool) -> None:
    with pytest.raises(OssError, match="InvalidRange"):
        parse_range("bytes=-0", 10, strict=strict)
