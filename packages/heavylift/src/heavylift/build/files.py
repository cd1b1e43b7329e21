"""Files by the ten thousand, and by the gigabyte.

A path as text, without an object for each, takes a tenth of the time of a walk; bytes that the kernel copies, half of the time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


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


def find_empty(folder: Path) -> list[str]:
    """Return the folders below a folder that hold nothing: relative paths with `/`, sorted; links are not followed."""
    places = (place for place, below, names in os.walk(folder) if not below and not names)
    return sorted(os.path.relpath(place, folder) for place in places if place != str(folder))


def copy_range(source: BinaryIO, start: int, size: int, target: BinaryIO, place: int) -> None:
    """Copy bytes of a file to a place in another one, which is positioned behind them then.

    Args:
        source: has them, all of them.
        start: bytes from its start.
        size: bytes to copy.
        target: the other file.
        place: bytes from its start.

    Raises:
        EOFError: it has fewer, since somebody has cut it meanwhile.
    """
    target.seek(place)  # and so, what is buffered is written
    end = start + size
    while start < end:
        copied = os.sendfile(target.fileno(), source.fileno(), start, end - start)
        if not copied:
            raise EOFError(f"a file ends {end - start} bytes early")
        start += copied
    target.seek(place + size)
