"""All bytecode of an applib in a few files, from which its modules are imported.

Thousands of small .pyc files cost a start more than what is in them: each is inflated, written, found, opened and read on
its own. So the build puts them into chunks, and `install` makes the import system read it where it would read a .pyc.
Everything else stays Python's own: sources and data lie on disk, loaders are source loaders, and a module whose bytecode
is missing or made for another Python is compiled from its source. A process that does not call `install`, such as
a child of the function's, sees the sources alone.

The folder `heavylift.bytecode`: `table.json`, `{"modules": {path of a .pyc: [number of a chunk, offset, size]}, "lazy": [path of a
.py that is executed when it is first used, …]}`, paths relative to the applib; and the chunks, `0.bin`, `1.bin`, …: the content of
.pyc files one behind the other. What a start imports stands in the first chunks, in its order: the first modules are imported
while the last are still on their way. While a start waits for files, it reads the bytecode of those that have not been imported
yet (`read_ahead`): a tenth of an import.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import MAGIC_NUMBER, source_from_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, cast

from heavylift.contracts.archive import BYTECODE_NAME
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.runtime.lazy import postpone

if TYPE_CHECKING:
    from importlib.abc import PathEntryFinder  # what it brings takes time to import

TABLE_NAME = f"{BYTECODE_NAME}/table.json"
CHUNK = 2 * 1024 * 1024  # bytes; a chunk ends with the module that reaches it
_UNCHECKED = MAGIC_NUMBER + b"\1\0\0\0"  # of a .pyc for this Python that is not compared with its source (PEP 552)


def dump_bytecode(
    files: Mapping[str, bytes], order: Sequence[str], lazy: Sequence[str] = ()
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files that hold these .pyc files.

    Args:
        files: content by path, relative to the applib.
        order: the paths of those that a start imports, in that order. They share no chunk with the others, which follow
            by name. The same files in the same order give the same bytes.
        lazy: sources of modules that are executed when they are first used.

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
    content = {"modules": table, "lazy": sorted(lazy)}
    made = {TABLE_NAME: json.dumps(content, separators=(",", ":"), sort_keys=True).encode()}
    made |= {_chunk_name(number): bytes(chunk) for number, chunk in enumerate(chunks)}
    return made, {path: _chunk_name(place[0]) for path, place in table.items()}


def _chunk_name(number: int) -> str:
    return f"{BYTECODE_NAME}/{number}.bin"


class Bytecode:
    """The bytecode of one applib. Its content stays in the page cache; only bytecode that is imported is read.

    Args:
        applib: the directory that holds it.

    Raises:
        InvalidArchiveError: the table is damaged.
        OSError: it cannot be read.
    """

    def __init__(self, applib: Path) -> None:
        self._prefix = f"{applib}/"
        self._chunks: dict[int, mmap.mmap] = {}
        self._read: dict[str, CodeType] = {}  # ahead, by the path of the source
        self._imported: set[str] = set()  # sources
        table = f"{applib}/{TABLE_NAME}"
        try:
            with open(table, "rb") as file:  # noqa: PTH123 - faster
                content = json.load(file)
            self._table = {name: _place(place) for name, place in content["modules"].items()}
            self._lazy = frozenset(map(_path, content.get("lazy", ())))  # archives of before have none
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(table, f"{type(error).__name__}: {error}") from error

    def is_lazy(self, path: str) -> bool:
        """Return whether the module of a source, by its absolute path, is executed when it is first used."""
        return path.startswith(self._prefix) and path.removeprefix(self._prefix) in self._lazy

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

    def read_ahead(self, is_there: Callable[[str], bool]) -> Iterator[str]:
        """Read the code of modules before they are imported, in the order of the recorded start; yield each one's source.

        Args:
            is_there: tells whether a file, by its path relative to the applib, is complete. Where one is not, it ends.
        """
        for path, place in sorted(self._table.items(), key=lambda item: item[1]):
            if not is_there(_chunk_name(place[0])):
                return
            with suppress(Exception):  # the import will meet it again
                source = source_from_cache(self._prefix + path)
                if source not in self._imported and (code := self._code(self._prefix + path, source)):
                    self._read[source] = code
                    yield source

    def _code(self, path: str, source: str) -> CodeType | None:
        found = self.find(path)
        if found and found.startswith(_UNCHECKED):  # another one makes its loader open other files
            return SourceFileLoader.get_code(_Loader(self, "", source), "")
        return None

    def take(self, source: str) -> CodeType | None:
        """Return the code of a module that is imported, if it was read ahead."""
        self._imported.add(source)
        return self._read.pop(source, None)

    def forget(self) -> None:
        """Give up what was read ahead and not imported."""
        self._read.clear()

    def _open(self, number: int) -> mmap.mmap:
        path = f"{self._prefix}{_chunk_name(number)}"
        with open(path, "rb") as file:  # noqa: PTH123 - faster
            try:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:  # it is empty
                raise _damaged(path, str(error)) from error


def _damaged(path: str, reason: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"{path}: is damaged ({reason}); build and upload the archive again")


def _place(place: object) -> tuple[int, int, int]:
    if not isinstance(place, list) or len(place) != 3 or not all(type(each) is int and each >= 0 for each in place):
        raise ValueError(f"{place!r:.40} is not a place")
    return place[0], place[1], place[2]


def _path(path: object) -> str:
    if not isinstance(path, str):
        raise ValueError(f"{path!r:.40} is not a path")
    return path


class _Loader(SourceFileLoader):
    """A source loader that finds its .pyc in the applib's bytecode; the check of its version stays importlib's own."""

    def __init__(self, bytecode: Bytecode, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._bytecode = bytecode

    def get_data(self, path: str) -> bytes:
        """Return a file's content."""
        found = self._bytecode.find(path)
        return super().get_data(path) if found is None else found

    def get_code(self, fullname: str) -> CodeType | None:
        """Return a module's code."""
        return self._bytecode.take(self.path) or super().get_code(fullname)

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module, or let it be executed when it is first used."""
        execute = super().exec_module
        if self._bytecode.is_lazy(self.path):
            postpone(module, execute)
        else:
            execute(module)


def install(applib: Path) -> Bytecode | None:
    """Import the modules below a directory with the bytecode that lies in it, from now on, and return it.

    Without any, nothing changes.

    Args:
        applib: the directory, written as it stands on `sys.path`.

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
    return bytecode


def _find_below(root: str, finder: Callable[[str], PathEntryFinder], path: str) -> PathEntryFinder:
    if not _is_below(path, root):
        raise ImportError(f"{path} is not below {root}", path=path)
    return finder(path)  # raises ImportError for what is no directory, so that the next hook may take it


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
