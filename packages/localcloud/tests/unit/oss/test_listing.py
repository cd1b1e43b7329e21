"""Pages of listings, against the list of all keys."""

from __future__ import annotations

from localcloud.oss.listing import Page
from tests.support.listings import one_page


def test_of_keys_that_are_rolled_up_one_is_read() -> None:
    read: list[str] = []
    keys = [f"{folder}/{number}" for folder in "abc" for number in range(10)]
    assert one_page(keys, delimiter="/", marker="a/", read=read).prefixes == ("b/", "c/")
    assert read == ["a/0", "b/0", "c/0"]


def test_a_page_of_nothing_ends_the_listing() -> None:
    assert one_page(["a"], limit=0) == Page(entries=(), prefixes=(), next_marker=None)


def test_a_page_that_just_holds_everything_is_the_last() -> None:
    assert one_page(["a", "b"], limit=2).next_marker is None
