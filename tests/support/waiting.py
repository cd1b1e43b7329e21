"""Waits for events elsewhere, as long as they take and no longer; and for other processes that make the same thing."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_for(question: Callable[[], T], seconds: float = 60.0, why: Callable[[], object] = lambda: "") -> T:
    """Ask until the answer is true, and return it.

    Args:
        question: is asked again and again.
        seconds: after which the test fails.
        why: returns what the failure says.
    """
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"it did not happen within {seconds:.0f} s {why()}"
        time.sleep(0.02)
    return answer


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process is in such a block for the path, and keep the others out of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
