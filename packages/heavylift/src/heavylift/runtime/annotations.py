"""Compiles each text of a type annotation once, however often it occurs in what is imported.

`typing` compiles every annotation that stands in quotation marks (`ForwardRef`) anew. Generated modules repeat a few of them
thousands of times: an import of TensorFlow compiles 18,000.
"""

from __future__ import annotations

import builtins
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let equal annotations that are made in the block under it, in any thread, share their code objects, which never change."""
    names = vars(typing)
    names["compile"] = cache(builtins.compile)  # the module's own name hides the built-in one
    try:
        yield
    finally:
        del names["compile"]
