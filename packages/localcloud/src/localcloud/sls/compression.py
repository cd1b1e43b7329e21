"""Bodies that are compressed: a whole block of LZ4 without its size, zlib's deflate, or a frame of Zstandard.

The size that a body has once it is inflated comes in a header, and may be a lie: nothing is inflated beyond it.
Source: SLS, "Common request headers"; `compress.py` of aliyun-log-python-sdk.
"""

from __future__ import annotations

import zlib
from typing import Final

KINDS: Final = ("lz4", "zstd", "deflate", "gzip")  # the last is what some clients call deflate
ANSWERS: Final = ("zstd", "lz4")  # the kinds that answers come in, for those who accept them
_MAX_WINDOW = 128 * 1024**2  # bytes (RFC 8878 section 3.1.1.1.2: decoders may limit it; that of level 22)
# The libraries are loaded by the first body that needs them.


def inflate(content: bytes, kind: str, size: int) -> bytes:
    """Return what a body holds.

    Args:
        content: the body.
        kind: one of `KINDS`.
        size: bytes that it is said to have.

    Raises:
        ValueError: it is not of that kind, or has another size.
    """
    try:
        raw = {"lz4": _from_lz4, "zstd": _from_zstd}.get(kind, _from_deflate)(content, size)
    except _failures() as error:
        raise ValueError(f"the body is no {kind}: {error}") from error
    if len(raw) != size:
        raise ValueError(f"the body has not {size} bytes once it is inflated")
    return raw


def deflate(content: bytes, kind: str) -> bytes:
    """Return the compressed body, of one of `ANSWERS`."""
    if kind == "zstd":
        import zstandard

        return zstandard.compress(content, 1)
    import lz4.block

    packed: bytes = lz4.block.compress(content, store_size=False)
    return packed


def _failures() -> tuple[type[Exception], ...]:
    import lz4.block
    import zstandard

    return (zlib.error, lz4.block.LZ4BlockError, zstandard.ZstdError, MemoryError)


def _from_lz4(content: bytes, size: int) -> bytes:
    import lz4.block

    raw: bytes = lz4.block.decompress(content, uncompressed_size=size)
    return raw


def _from_zstd(content: bytes, size: int) -> bytes:
    import zstandard

    # In a stream, for a frame's own word on its size is another that may be a lie.
    with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(content) as stream:
        return stream.read(size + 1)


def _from_deflate(content: bytes, size: int) -> bytes:
    return zlib.decompressobj(wbits=47).decompress(content, size + 1)  # 47: with the head of zlib or of gzip
