"""Brings what wheels lay out for an environment to where an applib has it.

In an environment, modules lie in `lib/pythonX.Y/site-packages`, and a wheel's data beside `lib`; an applib is both in one. So the
modules that a wheel has among its data go to where all others are, and a library that finds others by way of the environment's
folders (from a package, `$ORIGIN/../../..` is `lib`) is told the way in an applib.

Source: packaging.python.org, "Binary distribution format", "The .data directory"; System V ABI, "Dynamic Section"; ld.so(8).
"""

from __future__ import annotations

import csv
import posixpath
import shutil
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from heavylift.build.binaries import is_elf
from heavylift.build.files import walk
from heavylift.build.headers import DYNSYM, DamagedError, Headers, read_headers, read_name, read_part
from heavylift.contracts.platform import Target

_ORIGIN = "$ORIGIN"
_PATHS = frozenset({15, 29})  # DT_RPATH, DT_RUNPATH
_DATA = ("bin/", "lib/", "share/")  # of the environment itself: their way to each other is the same
_SYMBOL = 24  # bytes of Elf64_Sym, which begins with the place of its name, in 4


def move_modules(content: Path, target: Target) -> None:
    """Move the modules that wheels have among their data to the others.

    Args:
        content: the folder that packages are installed in, with their RECORDs.
        target: whose site-packages they are for.
    """
    site = f"{_site_packages(target)}/"
    if not (content / site).is_dir():
        return
    moved = {site + path: path for path, _ in walk(content / site) if not (content / path).exists()}
    for old, new in moved.items():
        (content / new).parent.mkdir(parents=True, exist_ok=True)
        (content / old).rename(content / new)
    for record in content.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as file:
            rows = [[moved.get(row[0], row[0]), *row[1:]] for row in csv.reader(file) if row]
        record.unlink()  # it may be a link to a file of uv's cache
        with record.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def lead_to_libraries(content: Path, paths: Iterable[str], target: Target) -> None:
    """Tell libraries the way to others in an applib, where they have one that leads through an environment.

    Args:
        content: the folder of a package, whose files may be shared with others.
        paths: of its files.
        target: whose environment it is.
    """
    for path in paths:
        library = content / path
        if ".so" not in path or path.startswith(_DATA) or not is_elf(library):
            continue
        try:
            with library.open("rb") as file:
                changes = [*_find_changes(file, posixpath.dirname(path), _site_packages(target))]
        except DamagedError:
            continue  # nothing can load it
        if changes:
            own = library.with_name(f"{library.name}.own")
            shutil.copy2(library, own)
            with own.open("r+b") as file:
                for place, text in changes:
                    file.seek(place)
                    file.write(text)
            own.replace(library)


def _site_packages(target: Target) -> str:
    return f"lib/python{target.python}/site-packages"


def _find_changes(file: BinaryIO, folder: str, site: str) -> Iterator[tuple[int, bytes]]:
    """Yield what is to be written of a library's search paths, each with its place in the file."""
    headers = read_headers(file)
    for _, place in headers.dynamic_places(file, _PATHS):
        old = read_name(file, place)
        new = ":".join(_lead(way, folder, site) for way in old.split(":"))
        if new != old and old.isascii() and not _is_shared(file, headers, range(place + 1, place + len(old) + 1)):
            yield place, new.encode().ljust(len(old.encode()), b"\0")


def _lead(way: str, folder: str, site: str) -> str:
    """Return the way to the same folder in an applib; one that would be longer, or that leads to no other place, as it is."""
    if way.partition("/")[0] != _ORIGIN:
        return way
    path = posixpath.normpath(posixpath.join(site, folder, way[len(_ORIGIN) :].lstrip("/")))
    if path.startswith("..") or f"{path}/".startswith(f"{site}/"):
        return way
    found = f"{_ORIGIN}/{posixpath.relpath(path, folder or '.')}"
    return found if len(found) <= len(way) else way


def _is_shared(file: BinaryIO, headers: Headers, places: range) -> bool:
    """Return whether a symbol's name is the end of a text: linkers write such a name once."""
    sections = [*headers.sections.values()]
    for table in (each for each in sections if each.type == DYNSYM and each.link < len(sections)):
        names = array("I", read_part(file, table.offset, table.size // _SYMBOL * _SYMBOL))[:: _SYMBOL // 4]
        if any(sections[table.link].offset + name in places for name in names):
            return True
    return False
