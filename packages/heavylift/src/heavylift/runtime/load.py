"""Loads one archive into its directory: fetch, verify, inflate, write.

Stages; when one fails, the destination is as it was before:

1. lock the destination; if it holds what is wanted, there is nothing to do;
2. take the index from the code package; where that has another archive's or none, read the object's first bytes: they hold the
   index (`index`), or show that there is none (`plainzip` takes over then);
3. make all files, wait for what has to come before any content, and bring all blocks (`blocks`);
4. set the marker of a complete destination.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.contracts.archive import INDEX_NAME, SUFFIX, Content
from heavylift.contracts.packaged import PlacedIndex
from heavylift.runtime.blocks import Watcher, load_blocks
from heavylift.runtime.destination import Destination, Origin
from heavylift.runtime.settings import Archive
from heavylift.runtime.store import AHEAD, ObjectReader
from heavylift.runtime.timeline import Timeline
from heavylift.runtime.zipentry import LOCAL_HEADER

if TYPE_CHECKING:
    from heavylift.contracts.pages import Library
    from heavylift.runtime.paging import Paging

HEAD = LOCAL_HEADER.size + len(INDEX_NAME) + len(SUFFIX)  # bytes that say where the index ends


def load(
    archive: Archive,
    reader: ObjectReader,
    timeline: Timeline,
    watcher: Watcher | None = None,
    paging: Callable[[Content, Sequence[Library], Path], Paging | None] | None = None,
    *,
    patient: bool = False,
    packaged: PlacedIndex | None = None,
    before: Callable[[], None] | None = None,
) -> bool:
    """Fill the archive's directory, unless it is there already.

    Args:
        archive: what to load.
        reader: reads the archive's object.
        timeline: is told what took how long.
        watcher: is told how far it is; it hears nothing of an archive without an index, or when there is nothing to do.
        paging: makes what loads the libraries of an archive by pages. None, or where it returns None: as any other file.
        patient: once the working set is there, bring the rest however long that takes; nothing makes the load fail any more.
        packaged: the index of the archive with the pinned digest, where it is known.
        before: called when only content is missing, and returns when that may come; what it raises makes the load fail.

    Returns:
        Whether anything was unpacked.

    Raises:
        LoadError: its subclasses say why; the directory is as it was before.
    """
    destination = Destination(archive.directory)
    try:
        with destination.locked(reader.deadline):
            found = destination.origin()
            if found and archive.digest and found.digest == archive.digest:
                return False
            head = b""
            if packaged is None:
                with timeline.span("fetch", archive.name):
                    head = reader.head(HEAD, ahead=AHEAD)
                if found and not archive.digest and _version(found) == _version(_origin(archive, reader)):
                    return False
            reader.begin(AHEAD)
            with destination.filling(partial(_origin, archive, reader)) as writer:
                if placed := packaged or _fetched_index(reader, head, archive.digest):
                    load_blocks(
                        archive.name, reader, placed, writer, timeline, watcher, paging, patient=patient, before=before
                    )
                else:
                    # What it needs takes time to import, and our own archives do not need it.
                    from heavylift.runtime.plainzip import unpack

                    if before:
                        before()
                    unpack(reader, archive.name, archive.digest, writer, timeline)
    finally:
        reader.end_ahead()
        timeline.count(**reader.take_counts())
    return True


def _fetched_index(reader: ObjectReader, head: bytes, digest: str) -> PlacedIndex | None:
    # A start whose code package holds the index need not wait for what checks one.
    from heavylift.runtime.index import read_index

    return read_index(reader, head, digest)


def _origin(archive: Archive, reader: ObjectReader) -> Origin:
    return Origin(archive.digest, archive.key, reader.etag, reader.size)


def _version(origin: Origin) -> tuple[str, str, int]:
    return origin.key, origin.etag, origin.size
