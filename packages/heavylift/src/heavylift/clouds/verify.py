"""Verifies an archive before it leaves this machine: it is whole, and its content is the one that its digest names."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from heavylift.contracts.archive import INDEX_NAME, MAX_INDEX, SUFFIX, content_digest, parse_index
from heavylift.contracts.failures import LoadError
from heavylift.errors import HeavyliftError
from heavylift.runtime.inflate import LOCAL_HEADER, inflate_index, verify


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
    with zipfile.ZipFile(path) as archive:
        index = parse_index(inflate_index(archive.read(f"{INDEX_NAME}{SUFFIX}"), MAX_INDEX, INDEX_NAME))
        entry = archive.getinfo(f"{INDEX_NAME}{SUFFIX}")
    found = content_digest(index.content)
    if found != digest:
        raise HeavyliftError(
            f"{path} has the digest {found}, the manifest says {digest}: it was exchanged; build again"
        )
    with path.open("rb") as file:
        # Offsets count from the end of the index, which is the first entry (docs/reference/contracts.md, section 1).
        *_, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        origin = LOCAL_HEADER.size + int(name) + int(extra) + entry.compress_size
        for number, (block, place) in enumerate(zip(index.content.blocks, index.layout, strict=True)):
            file.seek(origin + place.offset)
            verify(file.read(place.packed), block, f"block {number}")
