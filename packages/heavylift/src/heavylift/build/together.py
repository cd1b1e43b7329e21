"""Installs several packages by one run of uv, and gives each the files that it brought.

A run of its own for each of dozens of small packages takes several times as long as one for all: each asks for the Python, reads
the cache, and starts anew. Which package brought a file, the packages' RECORDs say.

Source: packaging.python.org, "Recording installed projects", "The RECORD file".
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from heavylift.build import resolve
from heavylift.build.files import walk
from heavylift.build.names import normalize
from heavylift.contracts.platform import Target


def install_together(entries: Sequence[str], sources: Sequence[str], folder: Path, target: Target) -> dict[str, Path]:
    """Install packages and return the folder with the files of each, by its normalized name.

    Packages that share a file are left out, since one has replaced the other's, and so are those that brought none.

    Args:
        entries: of a lock.
        sources: the options of the lock that say where they come from, and how.
        folder: an empty one; the packages' folders lie in it.
        target: chooses the wheels.

    Raises:
        BuildError: a package is missing, has no wheel, or another hash.
    """
    content, lock = folder / "all", folder / "lock.txt"
    content.mkdir()
    resolve.write_lock(lock, sources, entries)
    resolve.install(lock, content, target, wheels_only=True, share=True)
    there = {path for path, _ in walk(content)}
    brought = {name: there.intersection(paths) for name, paths in _read_records(content)}
    owners = Counter(path for paths in brought.values() for path in paths)
    if there != owners.keys():
        return {}  # only a run of its own tells whose a file is that no RECORD names
    alone = {name: paths for name, paths in brought.items() if all(owners[path] == 1 for path in paths)}
    for name, paths in alone.items():
        _move(content, folder / name, paths)
    return {name: folder / name for name in alone}


def _read_records(content: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the packages in a folder, each with the paths that its RECORD tells."""
    for record in content.glob("*.dist-info/RECORD"):
        name = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
        with record.open(encoding="utf-8", newline="") as file:
            yield normalize(name), [row[0] for row in csv.reader(file) if row]


def _move(content: Path, folder: Path, paths: Iterable[str]) -> None:
    made = set[str]()
    for path in paths:
        below = path.rpartition("/")[0]
        if below not in made:
            (folder / below).mkdir(parents=True, exist_ok=True)
            made.add(below)
        os.rename(f"{content}/{path}", f"{folder}/{path}")  # noqa: PTH104 - thousands of files; see `heavylift.build.files`
