"""Retries of calls to a service: their number, the pauses between them, and the deadline of all.

Standard library only: the deployment's handler carries this module as well as the loader does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from heavylift.contracts.failures import DeadlineError, StoreError, TransientStoreError

TRY = 60.0  # seconds for one part of what follows a start, at most

_T = TypeVar("_T")


class RetryPolicy(NamedTuple):
    """The number of tries, and the pauses between them.

    Attributes:
        attempts: tries in a row that bring nothing, before giving up.
        base: seconds waited at most after the first failure; doubled with each further one.
        cap: seconds waited at most.
    """

    attempts: int = 8
    base: float = 0.1
    cap: float = 5.0

    def longest_pause(self, failures: int) -> float:
        """Return the seconds to wait at most after that many failures in a row."""
        return min(self.cap, self.base * 2.0 ** (failures - 1))


class Deadline:
    """The moment when the time of a piece of work is used up.

    Args:
        seconds: from now on.
        clock: returns seconds; monotonic.
        work: names the work in an error.
        advice: tells in an error what to do.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        work: str = "the start",
        advice: str = "raise the initializer's timeout (300 s at most) and `InitializationTimeout` with it, or give the function "
        "more memory and so more CPU",
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds
        self._work = work
        self._advice = advice

    def remaining(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self._end - self._clock())

    def check(self, doing: str) -> None:
        """Raise `DeadlineError` when no time is left; `doing` names the work that was going on."""
        if self.remaining() <= 0:
            raise DeadlineError(f"{self._work}'s {self._seconds:.0f} s were used up while {doing}; {self._advice}")


def draw() -> float:
    """Return a random number from 0 to 1."""
    import random  # takes time to import, and a start waits for nothing where nothing fails

    return random.random()  # noqa: S311 - nobody gains by guessing it


class Retries:
    """Waits between tries, and gives up after too many or when the time is up. Used by several threads at once.

    Args:
        policy: how often to try.
        deadline: when to give up.
        sleep: waits that many seconds.
        jitter: returns a number from 0 to 1; each wait is that part of its maximum, so that many instances which
            failed together do not come back together.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        deadline: Deadline,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = draw,
    ) -> None:
        self._policy = policy
        self._deadline = deadline
        self._sleep = sleep
        self._jitter = jitter

    def call(self, attempt: Callable[[], _T], doing: str) -> _T:
        """Return the result of the first attempt that does not fail in a way that may not happen again.

        Args:
            attempt: what to try.
            doing: names it in an error.

        Raises:
            StoreError: it failed too often, or in a way that will happen again.
            DeadlineError: the time is used up.
        """
        failures = 0
        while True:
            self._deadline.check(doing)
            try:
                return attempt()
            except TransientStoreError as error:
                failures += 1
                self.wait(failures, error)

    def wait(self, failures: int, error: TransientStoreError) -> None:
        """Wait before the next try.

        Args:
            failures: in a row, the last one with it.
            error: the last one.

        Raises:
            StoreError: these were too many.
            DeadlineError: the time is used up.
        """
        if failures >= self._policy.attempts:
            raise StoreError(f"{error}; gave up after {failures} tries") from error
        pause = self._policy.longest_pause(failures) * self._jitter()
        if pause >= self._deadline.remaining():
            self._sleep(self._deadline.remaining())
            self._deadline.check(f"waiting to try again: {error}")
        self._sleep(pause)
