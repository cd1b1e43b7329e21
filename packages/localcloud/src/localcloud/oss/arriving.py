"""Bytes that arrive, written to disk as they come."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError
from localcloud.oss.model import Blob
from localcloud.oss.store.blobs import Blobs

READ_SIZE = 1024 * 1024  # bytes handed to the disk at a time


async def write_blob(blobs: Blobs, chunks: AsyncIterator[bytes], *, limit: int, digests: Digests) -> Blob:
    """Write bytes to disk as they come and check their digests.

    Args:
        blobs: where they go.
        chunks: the bytes.
        limit: of them.
        digests: theirs.

    Raises:
        OssError: EntityTooLarge, BadDigest, ServiceUnavailable (the disk is full), and what `chunks` raises.
    """
    sha256 = hashlib.sha256() if digests.sha256 else None
    writer = await asyncio.to_thread(blobs.new)

    def write(chunk: bytes) -> None:
        writer.write(chunk)
        if sha256:
            sha256.update(chunk)

    try:
        pending, size, waiting = [], 0, 0
        async for chunk in chunks:
            pending.append(chunk)
            waiting += len(chunk)
            check_size(size + waiting, limit)
            if waiting >= READ_SIZE:
                size += waiting
                await asyncio.to_thread(write, b"".join(pending))
                pending, waiting = [], 0
        await asyncio.to_thread(write, b"".join(pending))
        blob = await asyncio.to_thread(writer.finish)
    except BaseException:
        await asyncio.to_thread(writer.discard)  # which waits for what still writes, where the request was cancelled
        raise
    with blobs.giving(blob):
        digests.check(md5=blob.md5, sha256=sha256.hexdigest() if sha256 else None)
    return blob


def check_size(size: int, limit: int) -> None:
    """Refuse more bytes than are allowed.

    Raises:
        OssError: EntityTooLarge.
    """
    if size > limit:
        raise OssError(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size.",
            {"MaxSizeAllowed": str(limit), "ProposedSize": str(size)},
        )
