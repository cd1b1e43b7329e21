"""Pages of listings, against the list of all keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.listing import Page, list_page

KEYS = st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=30).map(sorted)
PREFIX = st.text("ab/", max_size=3)
DELIMITER = st.sampled_from(["", "/", "b", "ab"])


def one_page(
    keys: Sequence[str], *, prefix: str = "", delimiter: str = "", marker: str = "", limit: int = 1000
) -> Page[str]:
    def after(marker: str) -> Iterable[str]:
        return (key for key in keys if key.startswith(prefix) and key > marker)

    return list_page(after, lambda key: key, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)


@settings(deadline=None)
@given(keys=KEYS, prefix=PREFIX, delimiter=DELIMITER)
def test_a_key_is_listed_or_rolled_up_at_the_first_delimiter_behind_the_prefix(
    keys: list[str], prefix: str, delimiter: str
) -> None:
    page = one_page(keys, prefix=prefix, delimiter=delimiter)
    entries, prefixes = [], set()
    for key in keys:
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if found:
                prefixes.add(prefix + head + found)
            else:
                entries.append(key)
    assert (list(page.entries), list(page.prefixes), page.next_marker) == (entries, sorted(prefixes), None)


@settings(deadline=None)
@given(keys=KEYS, prefix=PREFIX, delimiter=DELIMITER, limit=st.integers(1, 5))
def test_pages_of_any_size_together_are_the_whole_listing(
    keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    whole = one_page(keys, prefix=prefix, delimiter=delimiter)
    entries: list[str] = []
    prefixes: list[str] = []
    marker: str | None = ""
    while marker is not None:
        page = one_page(keys, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)
        if page.next_marker is not None:
            assert len(page.entries) + len(page.prefixes) == limit
            assert page.next_marker > marker
        entries += page.entries
        prefixes += page.prefixes
        marker = page.next_marker
    assert (tuple(entries), tuple(prefixes)) == (whole.entries, whole.prefixes)


def test_a_page_of_nothing_ends_the_listing() -> None:
    assert one_page(["a"], limit=0) == Page(entries=(), prefixes=(), next_marker=None)


def test_a_page_that_just_holds_everything_is_the_last() -> None:
    assert one_page(["a", "b"], limit=2).next_marker is None
