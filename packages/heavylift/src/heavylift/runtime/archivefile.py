"""Archives that lie on this machine: what builds, checks or compares them finds their blocks as a start does."""

from __future__ import annotations

import zipfile
from pathlib import Path

from heavylift.contracts.archive import INDEX_NAME, MAX_INDEX, SUFFIX
from heavylift.contracts.index import parse_index
from heavylift.contracts.packaged import PlacedIndex
from heavylift.runtime.inflate import inflate_index
from heavylift.runtime.zipentry import LOCAL_HEADER


def read_index(path: Path) -> PlacedIndex:
    """Return the index of an archive, checked.

    Raises:
        InvalidArchiveError: it is damaged.
        zipfile.BadZipFile: the file is no zip, or damaged.
        KeyError: it is one without an index.
        OSError: it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{INDEX_NAME}{SUFFIX}")
        index = parse_index(inflate_index(archive.read(entry), MAX_INDEX, INDEX_NAME))
    with path.open("rb") as file:
        # It is the first entry, and offsets count from its end (docs/reference/contracts.md, section 1).
        *_, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    return PlacedIndex(index, LOCAL_HEADER.size + int(name) + int(extra) + entry.compress_size)
