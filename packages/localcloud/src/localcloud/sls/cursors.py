"""Cursors, which name a log group of a shard, as SLS's clients pass them on: a number's digits in base64."""

from __future__ import annotations

import base64

from localcloud.kernel.values import read_whole
from localcloud.sls.errors import SlsError


def write_cursor(cursor: int) -> str:
    """Return a cursor as clients get it."""
    return base64.b64encode(str(cursor).encode()).decode()


def read_cursor(text: str) -> int:
    """Return the cursor that a client names.

    Raises:
        SlsError: InvalidCursor.
    """
    try:
        # Nineteen digits: one more than of whole numbers in general.
        digits = base64.b64decode(text.strip(), validate=True).decode("ascii")
        return read_whole(digits[:-1] or "0") * 10 + read_whole(digits[-1:])
    except ValueError as error:
        raise invalid_cursor(text) from error


def invalid_cursor(cursor: str) -> SlsError:
    """Return the error of a cursor that is none of the shard's."""
    return SlsError("InvalidCursor", f"Invalid Cursor {cursor[:80]}")
