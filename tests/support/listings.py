"""One page of a listing of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localcloud.oss.listing import Page, list_page

LAST = "\U0010ffff"  # greater than any character of a key


def one_page(
    keys: Sequence[str],
    *,
    prefix: str = "",
    delimiter: str = "",
    marker: str = "",
    limit: int = 1000,
    read: list[str] | None = None,
) -> Page[str]:
    """Return one page; `read` gets the keys that were read for it."""

    def after(key: str, *, beyond: bool, rows: int) -> Iterator[str]:
        for each in keys:
            if each.startswith(prefix) and each > (key + LAST if beyond else key):
                if read is not None:
                    read.append(each)
                yield each

    return list_page(after, str, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)
