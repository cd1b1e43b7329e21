"""Room for the frames of a start's Python functions.

Since 3.11 the interpreter lays frames into pieces of 16 KB, and gives a piece back to the system when the frame that it begins with
ends (CPython, Python/pystate.c, `push_chunk`). A loop whose calls begin a piece takes one and gives it back with every call: two
system calls and a page fault each, a seventh of scikit-learn's import. A piece is larger where its first frame is, to the next
power of two. So a function that asks for more than half a megabyte, and touches nothing of it, leaves half a one to what it calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

_WORD = 8  # bytes of a place on the stack
_ROOM = 512 * 1024  # bytes for frames, enough for hundreds of imports within each other

_T = TypeVar("_T")


def with_room(call: Callable[[], _T]) -> _T:
    """Call a function whose calls, and theirs, find room for their frames, and return what it returns."""
    return call()


if sys.version_info >= (3, 11):  # before, a frame is an object of its own
    with_room.__code__ = with_room.__code__.replace(co_stacksize=_ROOM // _WORD + 1)
