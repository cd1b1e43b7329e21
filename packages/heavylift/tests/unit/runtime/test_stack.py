"""Room for the frames of a start: calls take no memory from the system, and give none back."""

from __future__ import annotations

import resource

import pytest

from heavylift.runtime.stack import with_room

CALLS, DEPTHS = 100, 300  # at some of these depths, a call begins a piece of the interpreter's stack


def faults_of_calls(depth: int = DEPTHS) -> list[int]:
    """Return the page faults of some calls at each depth, the deepest first."""
    deeper = faults_of_calls(depth - 1) if depth else []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        call()
    return [*deeper, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]


def call(first: int = 0, second: int = 0) -> tuple[int, int]:
    return first, second


def test_calls_at_any_depth_take_no_new_memory() -> None:
    with_room(faults_of_calls)
    assert max(with_room(faults_of_calls)) < CALLS / 2


def test_what_is_called_returns_or_raises_as_ever() -> None:
    assert with_room(lambda: "answer") == "answer"
    with pytest.raises(ZeroDivisionError):
        with_room(lambda: 1 / 0)
