"""The base of every sweep: a share of the time, a seeded source of chance, counts, and the faults that it found.

A sweep goes on after a fault, so that one run shows all kinds of them; its test fails in the end.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

SHOWN = 2  # examples of each kind of fault
KINDS = 30  # kinds of faults that a verdict shows
ENOUGH = 200  # faults after which a sweep ends


@dataclass
class Tally:
    """The counts of a sweep.

    Attributes:
        operations: requests and starts in all.
        kills: processes that were ended with SIGKILL.
        mutations: requests that were changed after they were signed, and archives that were damaged.
        refused: attacks that were answered as they should be.
        accepted: attacks that had an effect which nobody signed.
        lost: acknowledged operations that were gone, results that no order explains, and bytes that belong to nothing.
        hung: waits that did not end in time, and processes that died.
        failed: answers that say that the service itself failed, and other faults.
    """

    operations: int = 0
    kills: int = 0
    mutations: int = 0
    refused: int = 0
    accepted: int = 0
    lost: int = 0
    hung: int = 0
    failed: int = 0


@dataclass
class Sweep:
    """One sweep on its way.

    Args:
        name: how the table calls it.
        seed: of `random`; the same seed draws the same attacks.
        seconds: how long it may go on, from its first round.
    """

    name: str
    seed: int
    seconds: float
    tally: Tally = field(default_factory=Tally)
    faults: dict[str, list[str]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.seed} {self.name}")
        self._end: float | None = None

    def goes_on(self) -> bool:
        """Return whether there is time for another round, as there always is for the first one, and any sense in it."""
        if self._end is None:
            self._end = time.monotonic() + self.seconds
            return True
        return self.left > 0 and sum(self.seen.values()) < ENOUGH

    @property
    def left(self) -> float:
        """The seconds that are left; they count from the first round."""
        return self.seconds if self._end is None else max(0.0, self._end - time.monotonic())

    def lost(self, kind: str, what: str) -> None:
        """Note something acknowledged that is gone, or something there that should not be."""
        self.tally.lost += 1
        self._note(kind, what)

    def accepted(self, kind: str, what: str) -> None:
        """Note an attack that had an effect."""
        self.tally.accepted += 1
        self._note(kind, what)

    def hung(self, kind: str, what: str) -> None:
        """Note a wait that did not end in time, or a process that died."""
        self.tally.hung += 1
        self._note(kind, what)

    def failed(self, kind: str, what: str) -> None:
        """Note any other fault."""
        self.tally.failed += 1
        self._note(kind, what)

    def _note(self, kind: str, what: str) -> None:
        self.seen[kind] += 1
        examples = self.faults.setdefault(kind, [])
        if len(examples) < SHOWN:
            examples.append(what[:600])

    def verdict(self) -> None:
        """Fail when there were faults, naming them and the seed."""
        if not self.faults:
            return
        lines = [f"{sum(self.seen.values())} faults with seed {self.seed}; {self.tally}"]
        for kind, examples in list(self.faults.items())[:KINDS]:
            lines += [f"- {self.seen[kind]} × {kind}", *(f"    {example}" for example in examples)]
        if len(self.faults) > KINDS:
            lines.append(f"- and {len(self.faults) - KINDS} other kinds: {', '.join(list(self.faults)[KINDS:])}"[:2000])
        pytest.fail("\n".join(lines), pytrace=False)
