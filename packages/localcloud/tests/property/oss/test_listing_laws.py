"""Laws of listings, over keys of a few letters."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.listings import one_page

KEYS = st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=30).map(sorted)
PREFIX = st.text("ab/", max_size=3)
DELIMITER = st.sampled_from(["", "/", "b", "ab"])


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


@settings(deadline=None)
@given(keys=KEYS, prefix=PREFIX, delimiter=DELIMITER, marker=st.text("ab/", max_size=5), limit=st.integers(1, 5))
def test_a_page_begins_behind_any_marker(keys: list[str], prefix: str, delimiter: str, marker: str, limit: int) -> None:
    whole = one_page(keys, prefix=prefix, delimiter=delimiter)
    following = sorted(name for name in (*whole.entries, *whole.prefixes) if name > marker)
    page = one_page(keys, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)
    assert sorted([*page.entries, *page.prefixes]) == following[:limit]
    assert page.next_marker == (following[limit - 1] if len(following) > limit else None)
