"""The folders that builds keep files in for later ones: at any time, one build alone uses a folder.

What a build prepares there, another one would remove as of no use any more. So a build waits for its own folder, and takes from
those of the project's other functions only what is in none that is being used.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heavylift.build.reporter import Reporter


@contextmanager
def taken(cache: Path, report: Reporter) -> Iterator[None]:
    """Have a folder for this build alone; wait for the one that has it.

    Args:
        cache: the folder.
        report: is told that it waits.
    """
    with (cache / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.note(f"another build is running with {cache}; this one goes on when it has ended")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def free(caches: Iterable[Path]) -> Iterator[list[Path]]:
    """Have those of some folders that no build uses."""
    mine: list[Path] = []
    files = []
    try:
        for cache in caches:
            file = (cache / "lock").open("w")
            files.append(file)
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine.append(cache)
        yield mine
    finally:
        for file in files:
            file.close()
