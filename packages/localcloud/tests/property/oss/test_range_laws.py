"""Laws of ranges, over all small objects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.errors import OssError
from localcloud.oss.ranges import parse_range

SIZE = st.integers(0, 20)
PLACE = st.integers(0, 30)


def taken(header: str, size: int, *, strict: bool) -> list[int]:
    begin, end = parse_range(header, size, strict=strict) or (0, size)
    return list(range(size))[begin:end]


@settings(deadline=None)
@given(size=SIZE, first=PLACE, last=PLACE)
def test_a_range_within_the_object_is_those_bytes(size: int, first: int, last: int) -> None:
    if first <= last < size:
        for strict in (False, True):
            assert taken(f"bytes={first}-{last}", size, strict=strict) == list(range(first, last + 1))


@settings(deadline=None)
@given(size=SIZE, first=PLACE, last=PLACE)
def test_a_range_that_leaves_the_object_is_cut_when_strict_and_ignored_else(size: int, first: int, last: int) -> None:
    if not first <= last or last < size:
        return
    header = f"bytes={first}-{last}"
    assert parse_range(header, size, strict=False) is None
    if first < size:
        assert taken(header, size, strict=True) == list(range(first, size))
    else:
        with pytest.raises(OssError, match="InvalidRange"):
            parse_range(header, size, strict=True)


@settings(deadline=None)
@given(size=SIZE, first=PLACE)
def test_a_range_without_an_end_goes_to_the_end(size: int, first: int) -> None:
    header = f"bytes={first}-"
    if first < size:
        for strict in (False, True):
            assert taken(header, size, strict=strict) == list(range(first, size))
    else:
        assert parse_range(header, size, strict=False) is None
        with pytest.raises(OssError, match="InvalidRange"):
            parse_range(header, size, strict=True)


@settings(deadline=None)
@given(size=SIZE, length=PLACE)
def test_a_suffix_is_the_last_bytes(size: int, length: int) -> None:
    header = f"bytes=-{length}"
    if length and size:
        assert taken(header, size, strict=True) == list(range(size))[-length:]
    else:
        with pytest.raises(OssError, match="InvalidRange"):
            parse_range(header, size, strict=True)
    if length:
        lenient = parse_range(header, size, strict=False)
        assert lenient == ((size - length, size) if length <= size and size else None)
    else:
        with pytest.raises(OssError, match="InvalidRange"):
            parse_range(header, size, strict=False)
