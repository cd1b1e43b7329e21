"""Inflates raw deflate streams, with isal where it is installed, else with zlib: half as fast."""

from __future__ import annotations

import zlib
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

RAW_STREAM = -15  # zlib.h, inflateInit2: no header around the stream, a window of 32 KiB


class Inflater(Protocol):
    """The interface of the object that `zlib.decompressobj` returns."""

    eof: bool
    unconsumed_tail: bytes
    unused_data: bytes

    def decompress(self, data: bytes | memoryview, max_length: int = 0, /) -> bytes:
        """Inflate more of the stream, to `max_length` bytes at most."""


def _engine() -> ModuleType:
    try:
        return import_module("isal.isal_zlib")
    except ImportError:
        return zlib


_ENGINE = _engine()
DeflateError: type[Exception] = _ENGINE.error


def inflater() -> Inflater:
    """Return an inflater of a new stream; it raises `DeflateError` when the stream is damaged."""
    return cast(Inflater, _ENGINE.decompressobj(wbits=RAW_STREAM))
