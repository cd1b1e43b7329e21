"""The inputs that every part of `make bench` is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from heavylift.contracts.manifest import Build


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part's run."""

    build: Build  # what to measure
    root: Path  # the project's folder
    folder: Path  # for what it makes; removed in the end
    runs: int  # of each way and link
    console: Console
