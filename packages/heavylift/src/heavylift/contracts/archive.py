"""The archive format: the values of an index, and the limits of an archive.

The format is described in docs/reference/contracts.md, section 1. `heavylift.contracts.index` writes and parses an index, and
refuses one that is damaged or hostile; `heavylift.contracts.loading` derives from it what a loader needs to know.
"""

from __future__ import annotations

from typing import NamedTuple

from heavylift.contracts.pages import Library

INDEX_NAME = ".heavylift/index.json"
BYTECODE_NAME = "heavylift.bytecode"  # the folder with the modules' bytecode; heavylift.runtime.bytecode
CODEC = "zstandard"  # the library that packs blocks and inflates them
SUFFIX = ".zst"  # of an entry's name in the zip, behind the name of the file that it holds
RESERVED = ".heavylift"  # the top-level folder of the index and of the completion marker; no entry may lie in it
BLOCK_SIZE = 4 * 1024 * 1024  # bytes of raw content in a full block
MAX_PACKED = 4 * BLOCK_SIZE  # bytes; bounds the memory that one block can ask for
MAX_INDEX = 64 * 1024 * 1024  # bytes of index JSON; about half a million files


class Block(NamedTuple):
    """Up to `BLOCK_SIZE` bytes of raw content that verify and inflate on their own.

    Attributes:
        raw: bytes when inflated.
        sha256: hex digest of the packed bytes.
    """

    raw: int
    sha256: str


class FileEntry(NamedTuple):
    """A regular file.

    Attributes:
        path: relative, parts separated by `/`.
        mode: permission bits, 0 to 0o777.
        size: bytes.
        block: the block in which it starts. A file above `BLOCK_SIZE` runs on through the blocks that follow.
        offset: bytes from the start of that block; 0 for a file above `BLOCK_SIZE`.
    """

    path: str
    mode: int
    size: int
    block: int
    offset: int


class Link(NamedTuple):
    """A symbolic link; `target` is relative to the link's own folder and stays inside the archive."""

    path: str
    target: str


class Content(NamedTuple):
    """The content of an archive. Its digest is the archive's name.

    Attributes:
        files: in the order in which a start first needs them, which is also the order of their blocks.
        blocks: in order; `files` fill them without a gap.
        eager: how many of the first files must be there before any code of the archive may run. After that a file is
            safe to use as soon as it and all files before it are there: whatever it reads or links by itself is.
        dirs: directories that hold nothing.
        links: symbolic links.
        libraries: whose pages may come one by one, in the order of `files`; each has its hot pages in blocks of their own, before
            its other blocks.
        used: how many of the first files a recorded start may have used: only Python opens the others. None: nobody knows, as in
            an archive without libraries.
    """

    files: tuple[FileEntry, ...]
    blocks: tuple[Block, ...]
    eager: int
    dirs: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    libraries: tuple[Library, ...] = ()
    used: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)


class Layout(NamedTuple):
    """The place of one block in the archive.

    Attributes:
        offset: bytes from the end of the index entry's data.
        packed: bytes to fetch.
    """

    offset: int
    packed: int


class Index(NamedTuple):
    """The index of an archive: `layout[i]` is the place of `content.blocks[i]`."""

    content: Content
    layout: tuple[Layout, ...]
