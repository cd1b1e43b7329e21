"""The content of a small archive: a block for two small files, a file of three blocks, one of just one, and a last one."""

from __future__ import annotations

from heavylift.contracts.archive import BLOCK_SIZE, Block, Content, FileEntry, Link

ZERO = "0" * 64
CONTENT = Content(
    files=(
        FileEntry("a/x", 0o644, 5, 0, 0),
        FileEntry("a/y", 0o644, 0, 0, 5),
        FileEntry("big", 0o755, 2 * BLOCK_SIZE + 3, 1, 0),
        FileEntry("exact", 0o644, BLOCK_SIZE, 4, 0),
        FileEntry("ünï", 0o600, 2, 5, 0),
    ),
    blocks=tuple(Block(raw, ZERO) for raw in (5, BLOCK_SIZE, BLOCK_SIZE, 3, BLOCK_SIZE, 2)),
    eager=2,
    dirs=("empty/dir",),
    links=(Link("a/link", "../big"),),
)
