"""Bodies that may be compressed, and say which size they have without that."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kernel.values import read_whole
from localcloud.sls import compression
from localcloud.sls.errors import SlsError


def inflate(body: bytes, headers: Mapping[str, str], *, limit: int) -> bytes:
    """Return a body without its compression.

    Args:
        body: as sent.
        headers: by lower-case name: `x-log-compresstype` and `x-log-bodyrawsize`.
        limit: bytes that it may have.

    Raises:
        SlsError: MissingBodyRawSize, InvalidBodyRawSize, InvalidCompressType, PostBodyTooLarge or PostBodyUncompressError.
    """
    kind, size = headers.get("x-log-compresstype", ""), headers.get("x-log-bodyrawsize")
    if size is None:
        raise SlsError("MissingBodyRawSize", "x-log-bodyrawsize does not exist in header when it is necessary")
    try:
        raw_size = read_whole(size)
    except ValueError as error:
        raise SlsError("InvalidBodyRawSize", f"x-log-bodyrawsize is invalid: {error}") from error
    if kind and kind not in compression.KINDS:
        raise SlsError("InvalidCompressType", f"x-log-compresstype {kind[:80]} is unsupported")
    if max(raw_size, len(body)) > limit:
        raise SlsError("PostBodyTooLarge", f"Body size {max(raw_size, len(body))} must little than {limit}", 400)
    if not kind:
        return body  # whatever size it is said to have, which SDKs in several languages differ about
    try:
        return compression.inflate(body, kind, raw_size)
    except ValueError as error:
        raise SlsError("PostBodyUncompressError", f"Failed to decompress logs: {error}") from error
