"""All bytecode of an applib in a few files, from which its modules are imported.

Thousands of small .pyc files cost a start more than what is in them: each is inflated, written, found, opened and read on
its own. So the build puts them into chunks, and `install` makes the import system read it where it would read a .pyc.
Everything else stays Python's own: sources and data lie on disk, loaders are source loaders, and a module whose bytecode
is missing or made for another Python is compiled from its source. A process that does not call `install`, such as
a child of the function's, sees the sources alone.

The folder `heavylift.bytecode`: `table.json`, `{"first": number of chunks, "modules": {path of a .pyc: [number of a chunk,
offset, size]}}`, paths relative to the applib; and the chunks, `0.bin`, `1.bin`, …: the content of .pyc files one behind the
other. What a start imports stands in the first chunks, in its order: while it waits for a large library, the code of modules
that it will import can be made from what is there (`Bytecode.make_ahead`).
"""

from __future__ import annotations

import json
import mmap
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import MAGIC_NUMBER, cache_from_source, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

from heavylift.contracts.failures import InvalidArchiveError

BYTECODE_NAME = "heavylift.bytecode"  # in the applib's top folder
TABLE_NAME = f"{BYTECODE_NAME}/table.json"
_CACHE, _SUFFIX = "__pycache__", f".{sys.implementation.cache_tag}.pyc"
CHUNK = 2 * 1024 * 1024  # bytes; a chunk ends with the module that reaches it


def dump_bytecode(files: Mapping[str, bytes], order: Sequence[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files that hold these .pyc files.

    Args:
        files: content by path, relative to the applib.
        order: the paths of those that a start imports, in that order. They share no chunk with the others, which follow
            by name. The same files in the same order give the same bytes.

    Returns:
        Content by path, relative to the applib; and for each .pyc the path of its chunk.
    """
    needed = [path for path in order if path in files]
    table: dict[str, tuple[int, int, int]] = {}
    chunks: list[bytearray] = []
    for part in (needed, sorted(files.keys() - set(needed))):
        for number, path in enumerate(part):
            if number == 0 or len(chunks[-1]) >= CHUNK:
                chunks.append(bytearray())
            table[path] = (len(chunks) - 1, len(chunks[-1]), len(files[path]))
            chunks[-1] += files[path]
    record = {"first": table[needed[-1]][0] + 1 if needed else 0, "modules": table}
    made = {TABLE_NAME: json.dumps(record, separators=(",", ":"), sort_keys=True).encode()}
    made |= {_chunk_name(number): bytes(chunk) for number, chunk in enumerate(chunks)}
    return made, {path: _chunk_name(place[0]) for path, place in table.items()}


def _chunk_name(number: int) -> str:
    return f"{BYTECODE_NAME}/{number}.bin"


class Bytecode:
    """The bytecode of one applib. Its content stays in the page cache; only what is imported is read.

    Args:
        applib: the directory that holds it.

    Raises:
        InvalidArchiveError: the table is damaged.
        OSError: it cannot be read.
    """

    def __init__(self, applib: Path) -> None:
        self._prefix = f"{applib}/"
        self._chunks: dict[int, mmap.mmap] = {}
        self._made: dict[str, CodeType | None] = {}
        self._making = threading.Lock()
        table = f"{applib}/{TABLE_NAME}"
        try:
            with open(table, "rb") as file:  # noqa: PTH123 - faster
                record = json.load(file)
            self._table = {name: _place(place) for name, place in record["modules"].items()}
            first = int(record["first"])
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(table, f"{type(error).__name__}: {error}") from error
        places = sorted((place, name) for name, place in self._table.items() if place[0] < first)
        # By source: what a start imports and has not imported yet, the next one last.
        self._awaited = {_source_of(f"{self._prefix}{name}"): place[0] for place, name in reversed(places)}

    def find(self, path: str) -> bytes | None:
        """Return the content of a .pyc by its absolute path, or None where there is none.

        Raises:
            InvalidArchiveError: a chunk is damaged.
            OSError: it cannot be read.
        """
        place = self._table.get(path.removeprefix(self._prefix)) if path.startswith(self._prefix) else None
        if place is None:
            return None
        number, start, size = place
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._open(number)
        if start + size > len(chunk):
            raise _damaged(f"{self._prefix}{_chunk_name(number)}", f"it ends before {path}")
        return chunk[start : start + size]

    def has(self, source: str) -> bool:
        """Return whether there is bytecode of a source, by the source's absolute path."""
        folder, _, name = source.rpartition("/")
        return f"{folder}/{_CACHE}/{name[:-3]}{_SUFFIX}".removeprefix(self._prefix) in self._table

    def make_ahead(self, is_there: Callable[[str], bool]) -> bool:
        """Make the code of the next module that a start will import, where nobody else does so now.

        Args:
            is_there: whether a file of the applib can be read, by its absolute path.

        Returns:
            Whether there was one, and its chunk.

        Raises:
            InvalidArchiveError: a chunk is damaged.
            OSError: it cannot be read.
        """
        if not self._making.acquire(blocking=False):
            return False
        try:
            try:
                source, number = self._awaited.popitem()
            except KeyError:  # not asked beforehand: another thread may be importing the last one
                return False
            if not is_there(f"{self._prefix}{_chunk_name(number)}"):
                self._awaited[source] = number
                return False
            content = self.find(cache_from_source(source)) or b""
            if content[: len(MAGIC_NUMBER)] == MAGIC_NUMBER:  # else the source would be compiled, and may not be there
                self._made[source] = _Loader(self, source, source).get_code(source)
            return True
        finally:
            self._making.release()

    def take(self, source: str) -> CodeType | None:
        """Return the code that was made ahead of a source, by its absolute path, once; None where there is none."""
        self._awaited.pop(source, None)
        return self._made.pop(source, None)

    def _open(self, number: int) -> mmap.mmap:
        path = f"{self._prefix}{_chunk_name(number)}"
        with open(path, "rb") as file:  # noqa: PTH123 - faster
            try:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:  # it is empty
                raise _damaged(path, str(error)) from error


def _damaged(path: str, reason: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"{path}: is damaged ({reason}); build and upload the archive again")


def _source_of(path: str) -> str:
    folder, _, name = path.rpartition(f"/{_CACHE}/")
    return f"{folder}/{name.removesuffix(_SUFFIX)}.py"


def _place(place: object) -> tuple[int, int, int]:
    if not isinstance(place, list) or len(place) != 3 or not all(type(each) is int and each >= 0 for each in place):
        raise ValueError(f"{place!r:.40} is not a place")
    return place[0], place[1], place[2]


class _Finder:
    """Finds the modules of a package by the table alone, where Python's own finder looks at the disk several times.

    Only for a package whose files lie in one folder: elsewhere the order of the folders decides, and Python's finders know it.

    Args:
        root: the applib.
        bytecode: that lies in it; the table names no module before which a folder has another one of its name.
    """

    def __init__(self, root: Path, bytecode: Bytecode) -> None:
        self._root = str(root)
        self._bytecode = bytecode

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that the table names, None of any other."""
        if type(path) is not list or len(path) != 1 or not _is_below(path[0], self._root):
            return None
        name = f"{path[0]}/{fullname.rpartition('.')[2]}"
        for location, search in ((f"{name}/__init__.py", [name]), (f"{name}.py", None)):
            if self._bytecode.has(location):
                loader = _Loader(self._bytecode, fullname, location)
                return spec_from_file_location(fullname, location, loader=loader, submodule_search_locations=search)
        return None


class _Loader(SourceFileLoader):
    """A source loader that finds its .pyc in the applib's bytecode; the check of its version stays importlib's own."""

    def __init__(self, bytecode: Bytecode, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._bytecode = bytecode

    def get_code(self, fullname: str) -> CodeType | None:
        """Return a module's code: made ahead, or from its bytecode, or from its source."""
        return self._bytecode.take(self.path) or super().get_code(fullname)

    def get_data(self, path: str) -> bytes:
        """Return a file's content."""
        found = self._bytecode.find(path)
        return super().get_data(path) if found is None else found


def install(applib: Path) -> Bytecode | None:
    """Import the modules below a directory with the bytecode that lies in it, from now on. Without any, nothing changes.

    Args:
        applib: the directory, written as it stands on `sys.path`.

    Returns:
        The bytecode, None without any.

    Raises:
        InvalidArchiveError: the bytecode is damaged.
    """
    if not (applib / TABLE_NAME).is_file():
        return None
    bytecode = Bytecode(applib)
    # FileFinder takes whatever makes a loader, though its types ask for a class.
    source = cast("type[SourceFileLoader]", partial(_Loader, bytecode))
    finder = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (source, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)
    )
    sys.path_hooks.insert(0, partial(_find_below, str(applib), finder))
    for path in [path for path in sys.path_importer_cache if _is_below(path, str(applib))]:
        del sys.path_importer_cache[path]
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _Finder(applib, bytecode))
    return bytecode


def _find_below(root: str, finder: Callable[[str], PathEntryFinder], path: str) -> PathEntryFinder:
    if not _is_below(path, root):
        raise ImportError(f"{path} is not below {root}", path=path)
    return finder(path)  # raises ImportError for what is no directory, so that the next hook may take it


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
