"""Pages of lists: by the name of an item, or by numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from localcloud.kernel.values import read_whole

Item = TypeVar("Item")
Default = TypeVar("Default", bound=int | None)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list."""

    items: Sequence[Item]
    rest: Sequence[Item]  # what comes after it


def page_after(items: Sequence[Item], marker: str, limit: int, *, name: Callable[[Item], str]) -> Page[Item]:
    """Return the page of items whose names come after a marker.

    Args:
        items: in the order of their names.
        marker: the last name of the page before; empty: the first page is wanted.
        limit: of the items in a page.
        name: tells the name of an item.
    """
    following = [item for item in items if name(item) > marker]
    return Page(following[:limit], following[limit:])


def page_at(items: Sequence[Item], offset: int, size: int) -> Page[Item]:
    """Return the page that begins at an offset."""
    return Page(items[offset : offset + size], items[offset + size :])


def read_number(text: str | None, *, default: Default, allowed: range) -> int | Default:
    """Read the size of a page, or where it begins.

    Raises:
        ValueError: it is no whole number, or not an allowed one.
    """
    if text is None:
        return default
    number = read_whole(text)
    if number not in allowed:
        raise ValueError(f"expected {allowed.start} to {allowed.stop - 1}, not {number}")
    return number
