"""Makes libraries that an applib has several times links to one of them.

A wheel holds no links, so one in which a library has three names has it three times; and wheels that were made to stand alone each
bring the same runtime of Fortran or OpenMP. Who installs from source, or from a distribution, has links there. The dynamic linker
takes a library that was loaded by one of its names for loaded by all of them (DT_SONAME, System V ABI, "Dynamic Section"), but a
start would bring each: nobody is told which of them native code links.

Extension modules stay: two modules of the same code have each their own variables. So do libraries without a name of their own.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from heavylift.build.binaries import is_elf
from heavylift.build.elf import is_extension, read_dynamic
from heavylift.build.files import walk


def link_duplicates(folder: Path) -> None:
    """Make libraries below a folder links to the first that has the same content.

    Args:
        folder: of an applib; files in it may be shared with others, which stay as they are.
    """
    sizes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for path, entry in walk(folder):
        if ".so" in entry.name and entry.is_file(follow_symlinks=False):
            status = entry.stat()
            sizes[status.st_size, status.st_mode].append(path)
    for paths in sizes.values():
        for first, *others in _same(folder, paths) if len(paths) > 1 else ():
            if _may_be_one(folder, [first, *others]):
                for other in others:
                    (folder / other).unlink()
                    (folder / other).symlink_to(os.path.relpath(first, os.path.dirname(other)))  # noqa: PTH120 - of names


def follow_link(folder: Path, path: str) -> str:
    """Return the path of the file that a path below a folder means, a link's target if it is one."""
    file = folder / path
    return file.resolve().relative_to(folder.resolve()).as_posix() if file.is_symlink() else path


def _same(folder: Path, paths: Iterable[str]) -> list[list[str]]:
    """Return files with the same content together, sorted."""
    found: dict[bytes, list[str]] = defaultdict(list)
    for path in sorted(paths):
        with (folder / path).open("rb") as file:
            found[hashlib.file_digest(file, "sha256").digest()].append(path)
    return [*found.values()]


def _may_be_one(folder: Path, paths: Iterable[str]) -> bool:
    """Return whether files with the same content are a library that has a name of its own, and no module."""
    libraries = [folder / path for path in paths]
    named = any(kind == "DT_SONAME" for kind, _ in read_dynamic(libraries[0]))
    return named and is_elf(libraries[0]) and not any(map(is_extension, libraries))
