"""Builds apart from the project's own: in a root of their own, so that neither its cache nor its output changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from heavylift.build.build import build
from heavylift.build.options import Options
from heavylift.build.reporter import Reporter
from heavylift.contracts.manifest import Manifest


class TimedReporter(Reporter):
    """Records the steps of a build instead of showing them.

    Attributes:
        seconds: of each step, by title.
        amounts: what each step that says so worked on: files or bytes, by title.
        notes: what was said.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}
        self.amounts: dict[str, int] = {}
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """See `Reporter.note`."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """See `Reporter.warn`."""
        self.notes.append(text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """See `Reporter.step`."""
        begin = perf_counter()
        yield
        self.seconds[title] = perf_counter() - begin

    @contextmanager
    def bar(self, title: str, unit: str = "files") -> Iterator[Callable[[int, int], None]]:
        """See `Reporter.bar`."""

        def advance(done: int, total: int) -> None:
            self.amounts[title] = total

        with self.step(title):
            yield advance

    def packed(self, title: str, anew: int, total: int) -> None:
        """See `Reporter.packed`."""
        self.amounts[title] = anew

    def packages(self, *_: object, **__: object) -> None:
        """Show no table."""

    def system(self, *_: object, **__: object) -> None:
        """Show no table."""

    def summary(self, *_: object, **__: object) -> None:
        """Show no table."""


def scratch_root(root: Path, folder: Path) -> Path:
    """Make a project's root that holds no more than an applib's inputs, and return it."""
    scratch = folder / "root"
    for part in ("function", "layers_build"):
        shutil.copytree(root / part, scratch / part, ignore=shutil.ignore_patterns("__pycache__"))
    return scratch


def timed_build(root: Path, **choices: Any) -> tuple[Manifest, TimedReporter, float]:  # noqa: ANN401 - of `Options`
    """Build an applib; return its manifest, the steps that were done, and the seconds of all."""
    report, begin = TimedReporter(), perf_counter()
    manifest = build(Options(root=root, parts=("applib",), work=root / ".cache", **choices), report)
    return manifest, report, perf_counter() - begin


def locked_versions(lock: Path) -> dict[str, str]:
    """Return the versions of a lock file's packages, by name."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(";")[0].rstrip(" \\").split("==") for line in lines if "==" in line and line[0].isalnum())
    return {pair[0]: pair[1].strip() for pair in pairs}


@contextmanager
def package_cache(folder: Path) -> Iterator[None]:
    """Let uv keep its downloads in a folder of their own, empty at first."""
    last = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["UV_CACHE_DIR"]
        if last is not None:
            os.environ["UV_CACHE_DIR"] = last
