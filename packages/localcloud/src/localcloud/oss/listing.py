"""Pages of listings: keys and common prefixes. Pure; keys come in order of their UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Entry]):
    """One page of a listing."""

    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...]
    next_marker: str | None  # None: the listing is complete


def list_page(
    entries_after: Callable[[str], Iterable[Entry]],
    entries_beyond: Callable[[str], Iterable[Entry]],
    key_of: Callable[[Entry], str],
    *,
    prefix: str,
    delimiter: str,
    marker: str,
    limit: int,
) -> Page[Entry]:
    """Return the page that follows `marker`.

    Args:
        entries_after: yields the entries that have the prefix and whose keys are greater than its argument, in order.
        entries_beyond: yields, in order, those that come after all whose keys begin with its argument, so that nobody reads what a
            common prefix rolls up.
        key_of: the key of an entry, which orders it.
        prefix: only keys that begin with it.
        delimiter: keys that hold it behind the prefix are rolled up into one common prefix; empty for no roll-up.
        marker: where the page begins, exclusively; a common prefix as marker skips all that it rolled up.
        limit: how many keys and common prefixes a page may hold.

    Source: OSS, GetBucket (ListObjects) and ListObjectsV2.
    """
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = marker
    if limit == 0:
        return Page(entries=(), prefixes=(), next_marker=None)
    rest = iter(entries_after(marker))
    while (entry := next(rest, None)) is not None:
        key = key_of(entry)
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        common = key[: cut + len(delimiter)] if cut >= 0 else None
        told = common is not None and marker.startswith(common)  # on an earlier page
        if not told and len(entries) + len(prefixes) == limit:
            return Page(entries=tuple(entries), prefixes=tuple(prefixes), next_marker=last)
        if common is None:
            entries.append(entry)
            last = key
            continue
        if not told:
            prefixes.append(common)
            last = common
        rest = iter(entries_beyond(common))
    return Page(entries=tuple(entries), prefixes=tuple(prefixes), next_marker=None)
