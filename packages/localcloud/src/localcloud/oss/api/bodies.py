"""Bodies of objects and parts, written to disk as they come."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from localcloud.oss.api.call import Call
from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_PUT, Blob

READ_SIZE = 1024 * 1024  # bytes handed to the disk at a time


async def receive(call: Call, limit: int = MAX_PUT) -> Blob:
    """Write the request's body to disk and check its digests.

    Args:
        call: the request.
        limit: bytes of the largest body.

    Raises:
        OssError: EntityTooLarge, MissingContentLength, BadDigest, ServiceUnavailable (the disk is full).
    """
    content = call.content
    if not content.ends:
        raise OssError("MissingContentLength", "You must provide the Content-Length HTTP header.")
    _check_size(content.length or 0, limit)
    return await write_blob(call, content.chunks, limit=limit, digests=call.digests)


async def write_blob(call: Call, chunks: AsyncIterator[bytes], *, limit: int, digests: Digests) -> Blob:
    """Write bytes to disk as they come and check their digests.

    Args:
        call: the request.
        chunks: the bytes.
        limit: of them.
        digests: theirs.

    Raises:
        OssError: EntityTooLarge, BadDigest, ServiceUnavailable (the disk is full), and what `chunks` raises.
    """
    sha256 = hashlib.sha256() if digests.sha256 else None
    writer = await call.run(call.oss.blobs.new)

    def write(chunk: bytes) -> None:
        writer.write(chunk)
        if sha256:
            sha256.update(chunk)

    try:
        pending, size, waiting = [], 0, 0
        async for chunk in chunks:
            pending.append(chunk)
            waiting += len(chunk)
            _check_size(size + waiting, limit)
            if waiting >= READ_SIZE:
                size += waiting
                await call.run(write, b"".join(pending))
                pending, waiting = [], 0
        await call.run(write, b"".join(pending))
        blob = await call.run(writer.finish)
    except BaseException:
        await call.run(writer.discard)  # which waits for what still writes, where the request was cancelled
        raise
    with call.oss.blobs.giving(blob):
        digests.check(md5=blob.md5, sha256=sha256.hexdigest() if sha256 else None)
    return blob


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise OssError(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size.",
            {"MaxSizeAllowed": str(limit), "ProposedSize": str(size)},
        )
