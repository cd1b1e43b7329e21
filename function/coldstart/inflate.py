"""From the packed bytes of one block to its verified content. Pure: bytes in, bytes or an error out."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from .archive import Block
from .deflate import DeflateError, inflater
from .errors import DigestMismatchError, InvalidArchiveError

LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # APPNOTE.TXT 4.3.7: local file header
LOCAL_SIGNATURE = b"PK\3\4"
STORED, DEFLATED = 0, 8  # APPNOTE.TXT 4.4.5: compression methods


def inflate_stretch(packed: bytes | memoryview, size: int, where: str) -> bytes:
    """Inflate a stretch of a large file: the deflate bytes between two full-flush points.

    Args:
        packed: the stretch.
        size: bytes that it must inflate to.
        where: names the block in errors.

    Raises:
        InvalidArchiveError: it is damaged, or inflates to another size.
    """
    try:
        raw: bytes = inflater().decompress(packed, size + 1)
    except DeflateError as error:
        raise InvalidArchiveError(
            f"{where}: cannot be inflated ({error}); build and upload the archive again"
        ) from error
    if len(raw) != size:
        found = "more" if len(raw) > size else f"{len(raw)} bytes"
        raise InvalidArchiveError(f"{where}: inflates to {found} where the index says {size}; build the archive again")
    return raw


def inflate_members(packed: bytes, sizes: Sequence[int], where: str) -> list[bytes]:
    """Inflate a block of small files: local headers with the data between them.

    Args:
        packed: the block.
        sizes: bytes that each file must inflate to.
        where: names the block in errors.

    Raises:
        InvalidArchiveError: it is damaged, or a file inflates to another size.
    """
    view = memoryview(packed)
    position = 0
    result = []
    for size in sizes:
        if len(view) - position < LOCAL_HEADER.size:
            raise InvalidArchiveError(f"{where}: ends before its last file; build and upload the archive again")
        signature, _, _, method, _, _, _, length, _, name, extra = LOCAL_HEADER.unpack_from(view, position)
        position += LOCAL_HEADER.size + name + extra
        if signature != LOCAL_SIGNATURE or method not in (STORED, DEFLATED) or position + length > len(view):
            raise InvalidArchiveError(
                f"{where}: holds no file where the index says; build and upload the archive again"
            )
        data = view[position : position + length]
        if method == STORED and length != size:
            raise InvalidArchiveError(
                f"{where}: holds {length} bytes where the index says {size}; build the archive again"
            )
        result.append(bytes(data) if method == STORED else inflate_stretch(data, size, where))
        position += length
    return result


def verify(parts: Sequence[bytes], block: Block, where: str) -> None:
    """Check that the parts are the block that the index names.

    Raises:
        DigestMismatchError: they are not.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    if digest.hexdigest() != block.sha256:
        raise DigestMismatchError(
            f"{where}: the index says sha256 {block.sha256}, received {digest.hexdigest()}; the object was damaged or "
            "changed: upload it again"
        )
