"""Waits for events elsewhere: as long as they take, and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable
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
