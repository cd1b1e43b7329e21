"""Tasks on several threads."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from heavylift.runtime.parallel import begin, run_all


def test_all_tasks_run() -> None:
    done: list[int] = []
    run_all([partial(done.append, number) for number in range(20)], workers=3, stop=pytest.fail)
    assert sorted(done) == list(range(20))


def test_nothing_to_do_is_done() -> None:
    run_all([], workers=3, stop=pytest.fail)


def test_the_first_failure_is_raised_and_stops_the_others() -> None:
    stopped = threading.Event()
    begun: list[str] = []

    def fails() -> None:
        raise OSError("the first")

    def waits() -> None:
        begun.append("waits")
        assert stopped.wait(30)
        raise OSError("what follows from it")

    def never() -> None:
        begun.append("never")

    with pytest.raises(OSError, match="the first"):
        run_all([waits, fails, *[waits] * 5, *[never] * 100], workers=2, stop=stopped.set)
    assert stopped.is_set()
    assert "never" not in begun


def test_a_call_that_was_begun_is_waited_for_and_its_failure_told_each_time() -> None:
    go = threading.Event()

    def fails() -> None:
        assert go.wait(30)
        raise OSError("told")

    wait = begin(fails, "test")
    go.set()
    for _ in range(2):
        with pytest.raises(OSError, match="told"):
            wait()
    begin(lambda: 1, "test")()
