"""Verifies an archive before it leaves this machine: it is whole, and its content is the one that its digest names."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from heavylift.contracts.failures import LoadError
from heavylift.contracts.index import content_digest
from heavylift.errors import HeavyliftError
from heavylift.runtime.archivefile import read_index
from heavylift.runtime.inflate import verify


def verify_archive(path: Path, digest: str) -> None:
    """Read an archive as a start reads it, and compare everything with the digest.

    Args:
        path: the archive.
        digest: of its content, in hex.

    Raises:
        HeavyliftError: it is damaged, or another archive; the message names it.
        OSError: it cannot be read.
    """
    try:
        _verify(path, digest)
    except (LoadError, zipfile.BadZipFile, struct.error, KeyError, IndexError, NotImplementedError, EOFError) as error:
        raise HeavyliftError(f"{path} is no archive of this build, or damaged ({error}): build again") from error


def _verify(path: Path, digest: str) -> None:
    index, origin = read_index(path)
    found = content_digest(index.content)
    if found != digest:
        raise HeavyliftError(
            f"{path} has the digest {found}, the manifest says {digest}: it was exchanged; build again"
        )
    with path.open("rb") as file:
        for number, (block, place) in enumerate(zip(index.content.blocks, index.layout, strict=True)):
            file.seek(origin + place.offset)
            verify(file.read(place.packed), block, f"block {number}")
