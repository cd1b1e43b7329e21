"""The folders that builds keep files in for later ones: at any time, one build alone uses a folder.

What a build prepares there, another one would remove as of no use any more. So a build waits for its own folder, and takes from
those of the project's other functions only what is in none that is being used. Those of projects that are gone are removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heavylift.build.errors import BuildError
from heavylift.build.options import cache_name
from heavylift.build.reporter import Reporter

PROJECT = "project"  # the file that names the project which a folder is of


def open_cache(cache: Path, shared: Path, project: Path) -> None:
    """Make the folder of a build, and remove those of projects that are gone.

    Args:
        cache: the folder.
        shared: the one for the builds of its project; the projects' lie beside each other, unless it is in the project.
        project: the project's folder.

    Raises:
        BuildError: there can be none.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if cache.is_relative_to(shared) and not shared.is_relative_to(project):
            (shared / PROJECT).write_bytes(os.fsencode(project.resolve()))
            _remove_abandoned(shared.parent)
    except OSError as error:
        raise BuildError(
            f"{cache}: {error.strerror}; what later builds can use again is kept there: name another folder in HEAVYLIFT_CACHE"
        ) from error


def _remove_abandoned(folder: Path) -> None:
    for note in folder.glob(f"*/{PROJECT}"):
        with suppress(FileNotFoundError):  # another build removes it, too
            project = Path(os.fsdecode(note.read_bytes()))
            # The user may have named a folder with other things in it: what no build has made stays.
            if note.parent.name == cache_name(project) and not project.exists():
                shutil.rmtree(note.parent, ignore_errors=True)


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
