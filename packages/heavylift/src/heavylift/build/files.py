"""Walks folders of tens of thousands of files: a path as text, without an object for each, takes a tenth of the time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what lies below a folder but is none itself, in any order: relative paths with `/`; links are not followed."""
    folders = [("", str(folder))]
    while folders:
        below, place = folders.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                path = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append((path + "/", entry.path))
                else:
                    yield path, entry
