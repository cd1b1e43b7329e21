"""Patience: how often, after which pauses, and until when."""

from __future__ import annotations

import pytest

from heavylift.contracts.failures import DeadlineError, ObjectNotFoundError, StoreError, TransientStoreError
from heavylift.runtime.retries import Deadline, Retries, RetryPolicy


class Service:
    """Fails so many times, and then answers."""

    def __init__(self, failures: int, error: StoreError | None = None) -> None:
        self.left = failures
        self.error = error or TransientStoreError("the connection was reset")
        self.slept: list[float] = []
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def attempt(self) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return "done"

    def call(self, policy: RetryPolicy, seconds: float = 100) -> str:
        deadline = Deadline(seconds, lambda: self.now, work="the test", advice="try later")
        retries = Retries(policy, deadline, sleep=self.sleep, jitter=lambda: 1.0)
        return retries.call(self.attempt, "asking")


def test_a_call_is_made_again_after_longer_and_longer_pauses() -> None:
    service = Service(4)
    assert service.call(RetryPolicy(attempts=5, base=1.0, cap=3.0)) == "done"
    assert service.slept == [1.0, 2.0, 3.0, 3.0]


def test_too_many_failures_are_one_error() -> None:
    with pytest.raises(StoreError, match="the connection was reset; gave up after 2 tries"):
        Service(2).call(RetryPolicy(attempts=2))


def test_what_will_happen_again_is_not_tried_again() -> None:
    service = Service(1, ObjectNotFoundError("no such object"))
    with pytest.raises(ObjectNotFoundError):
        service.call(RetryPolicy())
    assert service.slept == []


def test_no_pause_goes_past_the_deadline() -> None:
    service = Service(9)
    with pytest.raises(DeadlineError, match=r"the test's 5 s were used up while waiting to try again: .*; try later"):
        service.call(RetryPolicy(base=4.0), seconds=5)
    assert service.now == 5


def test_nothing_is_tried_when_the_time_is_up() -> None:
    service = Service(0)
    with pytest.raises(DeadlineError, match="the test's 0 s were used up while asking; try later"):
        service.call(RetryPolicy(), seconds=0)
