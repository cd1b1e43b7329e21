"""`python -m bench.codecs`: prints size and speed of compressors on the blocks of the applib's largest file, as a Markdown table.

One core, whole blocks, every fifth of them; the best of three rounds, since a machine is never too fast. What
docs/decisions/zstd-blocks.md decides upon.
"""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time

import zstandard
from isal import isal_zlib

from heavylift.contracts.archive import BLOCK_SIZE
from heavylift.contracts.manifest import read_build
from heavylift.measure.archives import read_file

EVERY = 5
ROUNDS = 3

Codec = tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]  # compress; inflate to so many bytes


def _deflate(raw: bytes) -> bytes:
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(raw) + engine.flush()


def _zstd(level: int) -> Codec:
    return (
        lambda raw: zstandard.ZstdCompressor(level).compress(raw),
        lambda packed, _size: zstandard.ZstdDecompressor().decompress(packed),
    )


CODECS: Mapping[str, Codec] = {
    "deflate, zlib's level 6, inflated by zlib": (_deflate, lambda packed, _size: zlib.decompress(packed, -15)),
    "the same, inflated by isal": (_deflate, lambda packed, size: isal_zlib.decompress(packed, -15, size)),
    **{f"zstd, level {level}": _zstd(level) for level in (3, 9, 12)},
}


def _row(name: str, codec: Codec, blocks: Sequence[bytes]) -> str:
    compress, inflate = codec
    size = sum(map(len, blocks))
    begin = process_time()
    packed = [compress(raw) for raw in blocks]
    packing = process_time() - begin
    inflating = min(_inflating(inflate, packed, blocks) for _ in range(ROUNDS))
    share = sum(map(len, packed)) / size
    return f"| {name} | {share:.1%} | {size / packing / 1e6:,.0f} | {size / inflating / 1e6:,.0f} |"


def _inflating(inflate: Callable[[bytes, int], bytes], packed: Sequence[bytes], blocks: Sequence[bytes]) -> float:
    begin = process_time()
    for each, raw in zip(packed, blocks, strict=True):
        inflate(each, len(raw))
    return process_time() - begin


def main() -> int:
    """Measure and print."""
    with zipfile.ZipFile(read_build(Path("dist")).applib.path) as archive:
        content = read_file(archive, max(archive.infolist(), key=lambda entry: entry.file_size))
    blocks = [content[start : start + BLOCK_SIZE] for start in range(0, len(content), BLOCK_SIZE * EVERY)]
    print("| | packed size | packs, MB/s | inflates, MB/s |\n| --- | --- | --- | --- |")
    for name, codec in CODECS.items():
        print(_row(name, codec, blocks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
