"""Compressed bodies, and what strangers say of their sizes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import lz4.block
import pytest
import zstandard

from localcloud.sls.compression import ANSWERS, KINDS, deflate, inflate

TEXT = b"a log, and another log; " * 1000
PACKED = {
    "lz4": lz4.block.compress(TEXT, store_size=False),
    "zstd": zstandard.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "gzip": gzip.compress(TEXT),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_compressed_comes_back(kind: str) -> None:
    assert inflate(PACKED[kind], kind, len(TEXT)) == TEXT


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("content", [b"", TEXT])
def test_answers_can_be_read(kind: str, content: bytes) -> None:
    assert inflate(deflate(content, kind), kind, len(content)) == content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, len(TEXT) - 1, len(TEXT) + 1, 10 * 1024**2])
def test_a_body_of_another_size_is_refused(kind: str, size: int) -> None:
    with pytest.raises(ValueError, match=r"has not \d+ bytes|is no"):
        inflate(PACKED[kind], kind, size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"\0", TEXT, b"\xff" * 100])
def test_a_body_of_another_kind_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"has not \d+ bytes|is no"):
        inflate(body, kind, len(TEXT))


def test_a_frame_that_lies_about_its_own_size_is_not_believed() -> None:
    # Single segment, eight bytes of size (RFC 8878 section 3.1.1.1): 1 EB, and a block of one byte.
    frame = bytes.fromhex("28b52ffde0") + (10**18).to_bytes(8, "little") + bytes.fromhex("09000061")
    with pytest.raises(ValueError, match="is no zstd"):
        inflate(frame, "zstd", 100)


@pytest.mark.parametrize(("kind", "pack"), [("zstd", zstandard.compress), ("deflate", zlib.compress)])
def test_a_body_is_not_inflated_beyond_the_size_that_it_is_said_to_have(
    kind: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(bytes(4 * 1024**2))
    assert len(packed) < 10_000
    with pytest.raises(ValueError, match="has not 1000 bytes"):
        inflate(packed, kind, 1000)
