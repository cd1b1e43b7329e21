"""From the packed bytes of one block to its content: verified first, inflated then. Pure: bytes in, bytes or an error out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import zstandard

from heavylift.contracts.archive import Block
from heavylift.contracts.failures import DigestMismatchError, InvalidArchiveError
from heavylift.runtime.zipentry import LOCAL_HEADER, LOCAL_SIGNATURE, STORED


def verify(packed: bytes, block: Block, where: str) -> None:
    """Check that these are the bytes of the block that the index names.

    Raises:
        DigestMismatchError: they are not.
    """
    found = hashlib.sha256(packed).hexdigest()
    if found != block.sha256:
        raise DigestMismatchError(
            f"{where}: the index says sha256 {block.sha256}, received {found}; the object was damaged or changed: upload "
            "it again"
        )


def inflate_stretch(packed: bytes, size: int, where: str) -> bytes:
    """Inflate a stretch of a large file: one zstd frame (RFC 8878).

    Args:
        packed: the frame.
        size: bytes that it must inflate to.
        where: names the block in errors.

    Raises:
        InvalidArchiveError: it is damaged, or inflates to another size.
    """
    return _inflate(zstandard.ZstdDecompressor(), packed, size, where)


def inflate_members(packed: bytes, sizes: Sequence[int], where: str) -> list[bytes]:
    """Inflate a block of small files: local headers with a zstd frame behind each.

    Args:
        packed: the block.
        sizes: bytes that each file must inflate to.
        where: names the block in errors.

    Raises:
        InvalidArchiveError: it is damaged, or a file inflates to another size.
    """
    view, engine = memoryview(packed), zstandard.ZstdDecompressor()
    position = 0
    result = []
    for size in sizes:
        if len(view) - position < LOCAL_HEADER.size:
            raise InvalidArchiveError(f"{where}: ends before its last file; build and upload the archive again")
        signature, _, _, method, _, _, _, length, _, name, extra = LOCAL_HEADER.unpack_from(view, position)
        position += LOCAL_HEADER.size + name + extra
        if signature != LOCAL_SIGNATURE or method != STORED or position + length > len(view):
            raise InvalidArchiveError(
                f"{where}: holds no file where the index says; build and upload the archive again"
            )
        result.append(_inflate(engine, view[position : position + length], size, where))
        position += length
    return result


def inflate_index(packed: bytes, limit: int, where: str) -> bytes:
    """Inflate an index, whose size nothing else says.

    Args:
        packed: a zstd frame.
        limit: bytes that it may inflate to, at most.
        where: names the index in errors.

    Raises:
        InvalidArchiveError: it is damaged, or larger.
    """
    size = _frame_size(packed, where)
    if size > limit:
        raise InvalidArchiveError(f"{where}: inflates to {size} bytes, more than {limit}; build the archive again")
    return inflate_stretch(packed, size, where)


def _inflate(engine: zstandard.ZstdDecompressor, packed: bytes | memoryview, size: int, where: str) -> bytes:
    found = _frame_size(packed, where)
    if found != size:  # before that much memory is taken
        raise InvalidArchiveError(
            f"{where}: inflates to {found} bytes where the index says {size}; build the archive again"
        )
    try:
        return engine.decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise _damaged(where, error) from error


def _frame_size(packed: bytes | memoryview, where: str) -> int:
    try:
        return zstandard.frame_content_size(packed)
    except zstandard.ZstdError as error:
        raise _damaged(where, error) from error


def _damaged(where: str, error: Exception) -> InvalidArchiveError:
    return InvalidArchiveError(f"{where}: cannot be inflated ({error}); build and upload the archive again")
