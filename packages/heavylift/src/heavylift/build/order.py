"""Orders an archive's entries as a start needs them, so that imports can begin before all of it is there.

The loader lets a module or library be used as soon as its file and all files before it in the archive are there (docs/reference/
contracts.md, section 1). Python tells the loader of each file that it opens or links; of what native code opens or links by itself,
nobody tells. So whatever that may be comes first:

1. the eager files: data, and the libraries that the recorded start did not need, unless they are extension modules, which Python
   alone links;
2. what else the recorded start needed, in its order: libraries that a library brought in stand before it, chunks of bytecode
   where the first of their modules is imported;
3. the rest: modules that it did not import, sources, which are read for tracebacks, and data that Python alone reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heavylift.build.binaries import is_elf
from heavylift.build.elf import is_extension
from heavylift.build.files import walk

# Sources and stubs, metadata of packages, and what their own tests read: no native code opens these by itself.
_FOR_PYTHON = re.compile(r"\.pyi?$|^[^/]+\.dist-info/|/tests/(?!.*\.so\b)")


@dataclass(frozen=True, slots=True)
class Order:
    """The order of an archive's entries.

    Attributes:
        paths: of all files.
        eager: how many of the first must be there before any code runs.
        used: how many of the first the recorded start may have used; only Python opens the others.
    """

    paths: Sequence[str]
    eager: int
    used: int


def arrange(folder: Path, needed: Sequence[str] | None, chunks: Mapping[str, str]) -> Order:
    """Return the order of an applib's files.

    Args:
        folder: the applib, complete.
        needed: what a recorded start needed, in its order; None: nothing was recorded, so everything is eager.
        chunks: for each .pyc that was collected, the file that holds it.
    """
    files = sorted(path for path, entry in walk(folder) if entry.is_file(follow_symlinks=False) and path not in chunks)
    if needed is None:
        return Order(files, len(files), len(files))
    used = dict.fromkeys(chunks.get(path, path) for path in needed)
    parts: tuple[list[str], ...] = ([], [], [], [], [])
    eager, unused_libraries, unused_bytecode, extensions, for_python = parts
    holders = set(chunks.values())
    for path in files:
        if path in holders:
            part = unused_bytecode
        elif _FOR_PYTHON.search(path):
            part = for_python
        elif not is_elf(folder / path):
            part = eager
        else:
            part = extensions if is_extension(folder / path) else unused_libraries
        if part is eager or path not in used:
            part.append(path)
    first = [*eager, *unused_libraries]
    known = set(files) - set(first)
    used_files = [*first, *(path for path in used if path in known)]
    return Order([*used_files, *unused_bytecode, *extensions, *for_python], len(first), len(used_files))
