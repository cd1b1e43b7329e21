"""Copies of the large libraries of an applib, without the names that nobody binds, kept from one build to the next.

Which names go, all libraries of an applib together decide, so the copies stand for the libraries of exactly these packages.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.exports import LEAST, find_changes, make_changes
from heavylift.build.installed import is_untouched

_COPIES, _LIST = "libraries", "made.json"


@dataclass(frozen=True, slots=True)
class Copy:
    """A library that lost names.

    Attributes:
        place: where it lies.
        changed: start and end of each stretch in which it may differ from the one that it stands for.
    """

    place: str
    changed: Sequence[tuple[int, int]]


def copies_name(libraries: Iterable[tuple[str, str]]) -> str:
    """Return the name of the folder for the copies of libraries, each given by its path and by what tells its content."""
    return f"names-{hashlib.sha256(json.dumps(sorted(libraries)).encode()).hexdigest()[:16]}"


def change_libraries(libraries: Mapping[str, Path], folder: Path, *, least: int = LEAST) -> dict[str, Copy]:
    """Return the copies of those libraries that lose names, by their paths in the applib.

    Args:
        libraries: all of the applib, and where each lies.
        folder: of the copies, which `copies_name` has named; they are made if it is not there.
        least: bytes of names that make a library worth it.
    """
    copies = folder / _COPIES
    if not (folder / _LIST).is_file() or not is_untouched(copies, folder / _LIST):
        shutil.rmtree(folder, ignore_errors=True)
        copies.mkdir(parents=True)
        changes = find_changes(libraries, least=least)
        make_changes(libraries, changes, copies)
        temporary = folder / f"{_LIST}.new"
        made = {
            path: [(place, place + len(data)) for place, data in sorted(content.items())]
            for path, content in changes.items()
        }
        temporary.write_text(json.dumps(made), encoding="utf-8")
        temporary.rename(folder / _LIST)
    listed = json.loads((folder / _LIST).read_bytes())
    return {path: Copy(str(copies / path), changed) for path, changed in listed.items()}
