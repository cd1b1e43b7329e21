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
