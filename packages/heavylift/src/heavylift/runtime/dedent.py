"""`textwrap.dedent` in less than half of its time while a start imports.

SciPy, pandas and pyarrow put the documentation of their functions together when they are imported, and dedent 7,700 texts for it: a
twentieth of their import. Until 3.14 `dedent` goes over all text with three regular expressions; what is below gives the same for
every text (CPython, Lib/textwrap.py, of 3.14, with one difference: there, more than blanks and tabs is white space). The function
stays the same object, and gets other code: whoever has it by name already gains as well, and nobody keeps another one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from heavylift.runtime.ahead import is_standard


def _dedent(text: str) -> str:  # with the names of `textwrap`, where `re` is the same
    if type(text) is not str:
        text = re.sub("", "", text)  # a `str`, or the same error as ever
    lines = text.split("\n")
    solid = [line for line in lines if line and (not line.isspace() or line.strip(" \t"))]
    first, last, margin = min(solid, default=""), max(solid, default=""), 0
    for margin, character in enumerate(first):
        if character != last[margin] or character not in " \t":
            break
    return "\n".join([line[margin:] if not line.isspace() or line.strip(" \t") else "" for line in lines])


@contextmanager
def dedented_by_lines() -> Iterator[None]:
    """Let `textwrap.dedent` work line by line, in all threads, while the block under it runs; if it was imported, mostly ahead."""
    module = sys.modules.get("textwrap")  # a function may have one of its own
    if module is None or sys.version_info >= (3, 14) or not is_standard(str(module.__file__)):
        yield
        return
    original = module.dedent.__code__
    module.dedent.__code__ = _dedent.__code__
    try:
        yield
    finally:
        module.dedent.__code__ = original
