"""Bodies of objects and parts, written to disk as they come."""

from __future__ import annotations

from localcloud.oss.api.call import Call
from localcloud.oss.arriving import check_size, write_blob
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_PUT, Blob


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
    check_size(content.length or 0, limit)
    return await write_blob(call.oss.blobs, content.chunks, limit=limit, digests=call.digests)
