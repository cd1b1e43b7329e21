"""All bytecode of an applib in one file, from which its modules are imported.

Thousands of small .pyc files cost a start more than what is in them: each is inflated, written, found, opened and read on
its own. So the build puts them into one file, and `install` makes the import system read it where it would read a .pyc.
Everything else stays Python's own: sources and data lie on disk, loaders are source loaders, and a module whose bytecode
is missing or made for another Python is compiled from its source. A process that does not call `install`, such as
a child of the function's, sees the sources alone.

The file: eight bytes, the table's length, little-endian; the table, JSON, `{path of a .pyc: [offset, size]}`, paths
relative to the applib and offsets counted from the end of the table; the content of the .pyc files one behind the other.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import cast

from .errors import InvalidArchiveError

BYTECODE_NAME = "heavylift.bytecode"  # in the applib's top folder
_LENGTH = 8  # bytes of the table's length


def dump_bytecode(files: Mapping[str, bytes]) -> bytes:
    """Return the file that holds these .pyc files.

    Args:
        files: content by path, relative to the applib. The same files give the same bytes.
    """
    table: dict[str, tuple[int, int]] = {}
    offset = 0
    for path in sorted(files):
        table[path] = (offset, len(files[path]))
        offset += len(files[path])
    head = json.dumps(table, separators=(",", ":")).encode()
    return len(head).to_bytes(_LENGTH, "little") + head + b"".join(files[path] for path in sorted(files))


class Bytecode:
    """The bytecode of one applib. Its content stays in the page cache; only what is imported is read.

    Args:
        applib: the directory that holds the file.

    Raises:
        InvalidArchiveError: the file is damaged.
        OSError: it cannot be read.
    """

    def __init__(self, applib: Path) -> None:
        self._prefix = f"{applib}/"
        path = applib / BYTECODE_NAME
        try:
            with path.open("rb") as file:
                self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._start = _LENGTH + int.from_bytes(self._content[:_LENGTH], "little")
            self._table = {
                name: _place(place) for name, place in json.loads(self._content[_LENGTH : self._start]).items()
            }
        except (ValueError, AttributeError, RecursionError) as error:
            raise InvalidArchiveError(f"{path}: is damaged ({error}); build and upload the archive again") from error
        if any(offset + size > len(self._content) - self._start for offset, size in self._table.values()):
            raise InvalidArchiveError(f"{path}: ends before its last module; build and upload the archive again")

    def find(self, path: str) -> bytes | None:
        """Return the content of a .pyc by its absolute path, or None where there is none."""
        place = self._table.get(path.removeprefix(self._prefix)) if path.startswith(self._prefix) else None
        if place is None:
            return None
        start = self._start + place[0]
        return self._content[start : start + place[1]]


def _place(place: object) -> tuple[int, int]:
    if not isinstance(place, list) or len(place) != 2 or not all(type(each) is int and each >= 0 for each in place):
        raise ValueError(f"{place!r:.40} is not a place")
    return place[0], place[1]


class _Loader(SourceFileLoader):
    """A source loader that finds its .pyc in the applib's bytecode; the check of its version stays importlib's own."""

    def __init__(self, bytecode: Bytecode, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._bytecode = bytecode

    def get_data(self, path: str) -> bytes:
        """Return a file's content."""
        found = self._bytecode.find(path)
        return super().get_data(path) if found is None else found


def install(applib: Path) -> None:
    """Import the modules below a directory with the bytecode that lies in it, from now on. Without any, nothing changes.

    Args:
        applib: the directory, written as it stands on `sys.path`.

    Raises:
        InvalidArchiveError: the bytecode is damaged.
    """
    if not (applib / BYTECODE_NAME).is_file():
        return
    # FileFinder takes whatever makes a loader, though its types ask for a class.
    source = cast("type[SourceFileLoader]", partial(_Loader, Bytecode(applib)))
    finder = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (source, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)
    )
    sys.path_hooks.insert(0, partial(_find_below, str(applib), finder))
    for path in [path for path in sys.path_importer_cache if _is_below(path, str(applib))]:
        del sys.path_importer_cache[path]


def _find_below(root: str, finder: Callable[[str], PathEntryFinder], path: str) -> PathEntryFinder:
    if not _is_below(path, root):
        raise ImportError(f"{path} is not below {root}", path=path)
    return finder(path)  # raises ImportError for what is no directory, so that the next hook may take it


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
