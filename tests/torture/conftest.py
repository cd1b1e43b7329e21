"""The torture suite: sweeps that attack the embedded cloud and the loader from outside, as processes of their own.

`make torture SECONDS=900 SEED=7`: the seconds are split fairly over the modules, and within one over its tests. Without a
seed, a fresh one is drawn; it is printed at the start and in every failure. Chance that threads and the disk add is not
in the seed: a race may need several runs to show again.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from pathlib import Path

import pytest

from tests.torture.cloud import Cloud, launch
from tests.torture.sweep import Sweep, Tally

SECONDS = float(os.environ.get("TORTURE_SECONDS") or 50)
SEED = int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(10**6))
SLACK = 240.0  # seconds that a test may take beside its share: starts, and waits that end late
HERE = Path(__file__).parent


class _Clock:
    """Splits the time that is left over the modules that are left, and a module's over its tests.

    Where others took longer, a test still gets half of what it would have had.
    """

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()  # that are left, by module
        self._end = self._module_end = 0.0
        self._module, self._least, self._least_here = "", 0.0, 0.0

    def share(self, module: str) -> float:
        """Return the seconds of the next test of a module."""
        now = time.monotonic()
        if not self._end:
            self._end = now + SECONDS
            self._least = SECONDS / len(self.tests) / 2
        if module != self._module:
            seconds = max((self._end - now) / len(self.tests), self._least)
            self._module, self._module_end, self._least_here = module, now + seconds, seconds / self.tests[module] / 2
        seconds = max((self._module_end - now) / self.tests[module], self._least_here)
        self.tests[module] -= 1
        if not self.tests[module]:
            del self.tests[module]
        return seconds


_clock = _Clock()
_sweeps: list[Sweep] = []


def pytest_report_header() -> str:
    return f"torture: {SECONDS:.0f} seconds, seed {SEED}; again with: make torture SECONDS={SECONDS:.0f} SEED={SEED}"


def pytest_collection_finish(session: pytest.Session) -> None:
    for item in session.items:
        if item.path.is_relative_to(HERE):
            _clock.tests[item.path.name] += 1
            item.add_marker(pytest.mark.timeout(SECONDS + SLACK))


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """This test's share of the time, its seed and its counts."""
    made = Sweep(request.node.name.removeprefix("test_"), SEED, _clock.share(request.path.name))
    _sweeps.append(made)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let a sweep's verdict be part of its test, and name the seed whatever fails."""
    sweep = getattr(item, "funcargs", {}).get("sweep")
    try:
        yield
    except Exception as error:
        error.add_note(f"seed {SEED}")
        raise
    if sweep is not None:
        sweep.verdict()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _sweeps:
        return
    names = [each.name for each in fields(Tally)]
    rows = [(sweep.name, *astuple(sweep.tally)) for sweep in _sweeps]
    rows.append(("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))))
    width = max(len(row[0]) for row in rows)
    write = terminalreporter.write_line
    write("")
    write("sweep".ljust(width) + "".join(name.rjust(12) for name in names))
    for name, *counts in rows:
        write(name.ljust(width) + "".join(str(count).rjust(12) for count in counts))
    write(f"seed {SEED}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Cloud]]:
    """Start embedded clouds of one's own; those still running are killed in the end."""
    running: list[Cloud] = []

    def begin(name: str = "data", **options: object) -> Cloud:
        running.append(launch(tmp_path / name, tmp_path / f"{name}.log", **options))  # type: ignore[arg-type]
        return running[-1]

    yield begin
    for each in running:
        each.kill()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One embedded cloud for the sweeps of a module that do not disturb it."""
    folder = tmp_path_factory.mktemp("torture")
    running = launch(folder / "data", folder / "log")
    yield running
    running.kill()
