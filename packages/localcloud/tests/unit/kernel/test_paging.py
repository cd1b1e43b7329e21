"""Pages of lists."""

from __future__ import annotations

import pytest

from localcloud.kernel.paging import page_after, page_at, read_number
from localcloud.kernel.times import to_milliseconds, to_seconds

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_by_name_are_the_list_whatever_their_size(limit: int) -> None:
    seen: list[str] = []
    while page := page_after(NAMES, seen[-1] if seen else "", limit, name=str):
        seen += page.items
        if not page.rest:
            break
    assert seen == NAMES


def test_a_marker_need_not_be_there_any_more() -> None:
    assert page_after(NAMES, "bb", 1, name=str).items == ["c"]


@pytest.mark.parametrize(("offset", "size", "items"), [(0, 2, ["a", "b"]), (3, 2, ["d"]), (9, 2, [])])
def test_a_page_begins_at_its_offset(offset: int, size: int, items: list[str]) -> None:
    page = page_at(NAMES, offset, size)
    assert [*page.items, *page.rest] == NAMES[offset:]
    assert page.items == items


@pytest.mark.parametrize("text", ["0", "11", "-1", "1.5", "", "9" * 30])
def test_a_size_that_is_not_allowed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_number(text, default=5, allowed=range(1, 11))


def test_a_size_that_is_not_given_is_the_default() -> None:
    assert [read_number(text, default=5, allowed=range(1, 11)) for text in (None, "10")] == [5, 10]


def test_times_are_in_utc() -> None:
    assert (to_seconds(0.9), to_milliseconds(86400)) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00.000Z")
