"""Pages of listings, against the list of all keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.listing import Page, list_page

KEYS = st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=30).map(sorted)
PREFIX = st.text("ab/", max_size=3)
LAST = "\U0010ffff"  # greater than any character of a key
DELIMITER = st.sampled_from(["", "/", "b", "ab"])


def one_page(
    keys: Sequence[str],
    *,
    prefix: str = "",
    delimiter: str = "",
    marker: str = "",
    limit: int = 1000,
    read: list[str] | None = None,
) -> Page[str]:
    """Return one page; with `read`, which gets the keys that were read for it, keys behind a common prefix are passed over."""

    def after(marker: str) -> Iterator[str]:
        for key in keys:
            if key.startswith(prefix) and key > marker:
                if read is not None:
                    read.append(key)
                yield key

    def beyond(common: str) -> Iterator[str]:
        return after(common + LAST)

    return list_page(
        after,
        lambda key: key,
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        limit=limit,
        entries_beyond=None if read is None else beyond,
    )


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
def test_a_page_is_the_same_when_nobody_reads_what_is_rolled_up(
    keys: list[str], prefix: str, delimiter: str, marker: str, limit: int
) -> None:
    page = one_page(keys, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)
    assert one_page(keys, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit, read=[]) == page


def test_of_keys_that_are_rolled_up_one_is_read() -> None:
    read: list[str] = []
    keys = [f"{folder}/{number}" for folder in "abc" for number in range(10)]
    assert one_page(keys, delimiter="/", marker="a/", read=read).prefixes == ("b/", "c/")
    assert read == ["a/0", "b/0", "c/0"]


def test_a_page_of_nothing_ends_the_listing() -> None:
    assert one_page(["a"], limit=0) == Page(entries=(), prefixes=(), next_marker=None)


def test_a_page_that_just_holds_everything_is_the_last() -> None:
    assert one_page(["a", "b"], limit=2).next_marker is None
