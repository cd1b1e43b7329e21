"""Lines that the worker writes into the function's log: its standard output is where its messages go, so these go to the other."""

from __future__ import annotations

import sys


def log_line(text: str) -> None:
    """Write a line in one call, so that the lines of several threads stay whole."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
