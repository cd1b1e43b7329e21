"""Pages of listings: keys and common prefixes. Pure; keys come in order of their UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

FEW = 16  # rows fetched at first where a delimiter may roll up all that follows
Entry = TypeVar("Entry")
Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Entry]):
    """One page of a listing."""

    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...]
    next_marker: str | None  # None: the listing is complete


class Listed(Protocol[Row]):
    """What is listed, in order of keys."""

    def __call__(self, key: str, *, beyond: bool, rows: int) -> Iterable[Row]:
        """Return what comes after a key.

        Args:
            key: where to begin, exclusively.
            beyond: all that begins with the key, a common prefix, is passed over, too.
            rows: the number that is expected to be needed.
        """


def list_page(
    listed: Listed[Entry],
    key_of: Callable[[Entry], str],
    *,
    prefix: str,
    delimiter: str,
    marker: str,
    limit: int,
) -> Page[Entry]:
    """Return the page that follows `marker`.

    Args:
        listed: returns the entries that have the prefix; nobody reads what a common prefix rolls up.
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
    needed = FEW if delimiter else limit + 1  # the last one tells that there are more
    rest = iter(listed(marker, beyond=False, rows=needed))
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
        rest = iter(listed(common, beyond=True, rows=needed))
    return Page(entries=tuple(entries), prefixes=tuple(prefixes), next_marker=None)
