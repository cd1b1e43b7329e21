"""Lines that the loader writes into the function's log. They go to the standard error: the worker's output carries its messages."""

from __future__ import annotations

import sys


def log_line(text: str) -> None:
    """Write a line in one call, so that the lines of several threads stay whole."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def log_damaged(path: str) -> None:
    """Tell that a start goes on without a file of the code package.

    Args:
        path: the file, which only makes starts faster.
    """
    log_line(
        f"heavylift: {path} is damaged; starts are slower without it until the code package is built and deployed again"
    )
