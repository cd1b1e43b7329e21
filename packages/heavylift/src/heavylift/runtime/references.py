"""Forward references of annotations, each text compiled once in a start.

`typing` compiles every string that stands for a type (`Optional["Tensor"]`, a type variable's constraints) when the module with it
is executed. Libraries with generated code repeat a few of them thousands of times: importing TensorFlow compiles 15,700, of which
118 differ, a twentieth of its import. Code objects cannot be changed, so those who write the same text may share one; what the text
means is still looked up by each in its own module.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def compiled_once() -> Iterator[None]:
    """Compile equal forward references once, in all threads, while the block under it runs."""
    # `typing` asks for the built-in by this name, and looks into its own module first.
    typing.compile = functools.lru_cache(maxsize=None)(compile)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del typing.compile  # type: ignore[attr-defined]
