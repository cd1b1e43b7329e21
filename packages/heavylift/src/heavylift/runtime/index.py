"""Reads the index of an object that is an archive, from its first bytes on, and compares it with the pinned digest."""

from __future__ import annotations

from heavylift.contracts.archive import INDEX_NAME, MAX_INDEX, SUFFIX
from heavylift.contracts.failures import DigestMismatchError, InvalidArchiveError
from heavylift.contracts.index import content_digest, has_digest, parse_index
from heavylift.contracts.packaged import PlacedIndex
from heavylift.runtime.inflate import inflate_index
from heavylift.runtime.store import ObjectReader
from heavylift.runtime.zipentry import LOCAL_HEADER, LOCAL_SIGNATURE, STORED

SIZELESS = 0x1 | 0x8  # APPNOTE.TXT 4.4.4: encrypted, or its sizes come after the data


def read_index(reader: ObjectReader, head: bytes, digest: str) -> PlacedIndex | None:
    """Return the index of an object; None when there is none.

    Args:
        reader: reads the object.
        head: its first bytes, as far as an index's name goes.
        digest: of the index, in hex; empty: it is not compared.

    Raises:
        InvalidArchiveError: the index is damaged or hostile, or the object ends before its last block.
        DigestMismatchError: it is another index.
        LoadError: it could not be read; its subclasses say why.
    """
    if len(head) < LOCAL_HEADER.size:
        return None
    signature, _, flags, method, _, _, _, packed, _, name, extra = LOCAL_HEADER.unpack_from(head)
    start = LOCAL_HEADER.size + name + extra
    entry = head[LOCAL_HEADER.size : LOCAL_HEADER.size + name]
    if signature != LOCAL_SIGNATURE or entry != f"{INDEX_NAME}{SUFFIX}".encode():
        return None
    stop = start + packed
    if method != STORED or flags & SIZELESS or packed > MAX_INDEX or stop > reader.size:
        raise InvalidArchiveError(
            f"{reader.name}: the entry {INDEX_NAME} is damaged; build and upload the archive again"
        )
    data = inflate_index(b"".join(reader.read(start, stop)), MAX_INDEX, f"{reader.name}: {INDEX_NAME}")
    placed = PlacedIndex(parse_index(data), stop)
    placed.check_size(reader.size, reader.name)
    if digest and not has_digest(data, placed.index, digest):
        raise DigestMismatchError(
            f"{reader.name}: the function's environment pins digest {digest}, the object's content has "
            f"{content_digest(placed.index.content)}; the object was replaced: deploy again"
        )
    return placed
