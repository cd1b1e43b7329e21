"""The index of the applib's archive as the code package holds it: a start need neither fetch it first nor check it.

The build has checked it (`heavylift.contracts.index`). Who could change it in a code package could change the code beside it, so
what is read here is taken as it was written: by columns, which are read in a tenth of the time. It counts for the archive of its
digest alone; the blocks that come are compared with it as ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import starmap
from typing import Any, NamedTuple

from heavylift.contracts.archive import Block, Content, FileEntry, Index, Layout, Link
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.pages import Library, Region, Run

PACKAGED_NAME = "heavylift/index.json"  # in the code package
# Bytes; about 100,000 files. The code package does not grow by a larger one, which is fetched.
MAX_PACKAGED = 8 * 1024 * 1024


class PlacedIndex(NamedTuple):
    """An index, and where the blocks stand that it tells of.

    Attributes:
        index: of an archive.
        origin: bytes from the start of the object to where its offsets count from.
    """

    index: Index  # type: ignore[assignment]  # a tuple's own method of that name is of no use here
    origin: int

    def check_size(self, size: int, name: str) -> None:
        """Refuse an object that ends before its last block.

        Args:
            size: of the object, in bytes.
            name: of the object, for the message.

        Raises:
            InvalidArchiveError: it does.
        """
        layout = self.index.layout
        if layout and self.origin + layout[-1].offset + layout[-1].packed > size:
            raise InvalidArchiveError(f"{name}: ends before its last block; the upload was cut: upload it again")


def dump_packaged(digest: str, placed: PlacedIndex) -> bytes | None:
    """Return the content of the file; None where it would have more than `MAX_PACKAGED` bytes.

    Args:
        digest: of the archive, in hex.
        placed: its index.
    """
    content = placed.index.content
    record = {
        "digest": digest,
        "origin": placed.origin,
        "files": _columns(content.files),
        "blocks": _columns(content.blocks),
        "layout": _columns(placed.index.layout),
        "eager": content.eager,
        "dirs": content.dirs,
        "links": [(link.path, link.target) for link in content.links],
        "libraries": [
            (each.file, [(of.offset, of.size, of.flags, of.header) for of in each.regions], _columns(each.hot))
            for each in content.libraries
        ],
        "used": content.used,
    }
    data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return data if len(data) <= MAX_PACKAGED else None


def parse_packaged(data: bytes, digest: str) -> PlacedIndex | None:
    """Return the index of an archive; None where the file is of another one, or not as `dump_packaged` of this version makes it.

    Args:
        data: the content of the file.
        digest: of the archive, in hex.
    """
    try:
        record = json.loads(data)
        return _read(record) if record["digest"] == digest else None
    except (ValueError, TypeError, KeyError):
        return None


def _read(record: Mapping[str, Any]) -> PlacedIndex:
    content = Content(
        files=tuple(map(FileEntry, *record["files"])),
        blocks=tuple(map(Block, *record["blocks"])),
        eager=record["eager"],
        dirs=tuple(record["dirs"]),
        links=tuple(starmap(Link, record["links"])),
        libraries=tuple(
            Library(file, tuple(starmap(Region, regions)), tuple(map(Run, *hot)))
            for file, regions, hot in record["libraries"]
        ),
        used=record["used"],
    )
    return PlacedIndex(Index(content, tuple(map(Layout, *record["layout"]))), record["origin"])


def _columns(rows: tuple[tuple[int | str, ...], ...]) -> list[list[int | str]]:
    """Return the rows' fields; each has the same number of them. No rows: one column, of nothing."""
    return [list(column) for column in zip(*rows, strict=True)] or [[]]
