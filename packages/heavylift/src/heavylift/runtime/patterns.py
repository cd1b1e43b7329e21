"""Regular expressions that a start compiles, compiled when it was built.

`re` compiles in Python, an eighth of spaCy's import; what comes out is a list of numbers for its engine, and depends on the
pattern, its flags and the compiler alone. So the build compiles what a recorded start did, and a start hands the engine the same
numbers, as a .pyc does with bytecode. They count where the sources of the compiler are those that made them, byte for byte:
releases of one version of Python mend it without a new number of the engine. What is not in the table is compiled as ever.

The table is a hash of what follows it, and what `marshal` makes of a hash of the compiler and of two dictionaries, one for patterns
of text and one for bytes: by pattern and flags what `_sre.compile` takes (CPython, Lib/re/_compiler.py, `compile`).
"""

from __future__ import annotations

import importlib
import marshal
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import source_hash
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heavylift.runtime.lines import log_damaged

if TYPE_CHECKING:
    Source = tuple[str | bytes, int]  # a pattern and its flags
    Compiled = tuple[int, bytes, int, dict[str, int]]  # flags, code, number of groups, groups by their names
    Tables = dict[type, dict[tuple[object, object], Compiled]]  # by the type of the pattern

TABLE_NAME = "heavylift/patterns.bin"  # in the code package
_HASH = 8  # bytes
_MARSHAL = 2  # what later versions write depends on who else holds an object
_MODULES = (
    ("re._compiler", "re._parser", "re._constants", "re._casefix")
    if sys.version_info >= (3, 11)
    else ("sre_compile", "sre_parse", "sre_constants")
)

compiler: Any = importlib.import_module(_MODULES[0])  # `re` asks it for `compile` each time
_parser: Any = importlib.import_module(_MODULES[1])


def compile_pattern(pattern: str | bytes, flags: int) -> Compiled | None:
    """Return a pattern compiled; None where compiling it does more than that, or depends on the locale.

    Args:
        pattern: its text.
        flags: that `re.compile` was given.
    """
    if flags & re.DEBUG:  # prints
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            tree = _parser.parse(pattern, flags)
            code = compiler._code(tree, flags)
        except (
            re.error,
            Warning,
            ValueError,
            OverflowError,
            RecursionError,
        ):  # the start that compiles it meets the same, and may have an answer to it
            return None
    state = tree.state
    if state.flags & re.LOCALE:
        return None
    return int(flags | state.flags), _packed(code), state.groups - 1, dict(state.groupdict)


def dump_table(patterns: Iterable[Source]) -> bytes:
    """Return the content of the table; the same patterns, in whatever order, give the same bytes.

    Args:
        patterns: as `re.compile` was given them.

    Raises:
        OSError: the compiler has no files.
    """
    texts: dict[Source, Compiled] = {}
    others: dict[Source, Compiled] = {}
    for pattern, flags in sorted(set(patterns), key=ascii):
        if compiled := compile_pattern(pattern, flags):
            (texts if isinstance(pattern, str) else others)[pattern, flags] = compiled
    content = marshal.dumps((_compiler_hash(), texts, others), _MARSHAL)
    return source_hash(content) + content


def patterns_of(table: bytes) -> set[Source]:
    """Return the patterns in a table, whatever Python it was made for.

    Raises:
        ValueError: the table is damaged.
    """
    _, texts, others = _content(table)
    return {*texts, *others}


def read_table(code: Path) -> Tables:
    """Return the table of a code package; nothing where it has none that was made by this Python's compiler, or a damaged one."""
    path = f"{code}/{TABLE_NAME}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - faster
            made_by, texts, others = _content(file.read())
        return {str: texts, bytes: others} if made_by == _compiler_hash() else {}
    except OSError:
        return {}
    except ValueError:
        log_damaged(path)
        return {}


@contextmanager
def precompiled(code: Path) -> Iterator[None]:
    """Take patterns from the table of a code package, in all threads, while the block under it runs."""
    original, tables = compiler.compile, read_table(code)

    def take(pattern: object, flags: object = 0) -> object:
        table = tables.get(type(pattern))  # bytes are never compared with text, and subclasses may compare as they like
        found = table.get((pattern, flags)) if table and type(flags) is int else None
        return _made(pattern, found) if found else original(pattern, flags)

    if tables:
        compiler.compile = take
    try:
        yield
    finally:
        if compiler.compile is take:  # and nobody else's
            compiler.compile = original


def _content(table: bytes) -> tuple[bytes, dict[Any, Compiled], dict[Any, Compiled]]:
    """Return what the table was made of, or raise a ValueError: `marshal` itself might make anything of a damaged one."""
    content = table[_HASH:]
    if source_hash(content) != table[:_HASH]:
        raise ValueError("the table is not what its hash was made of")
    return marshal.loads(content)  # type: ignore[no-any-return]  # noqa: S302 - a part of the code package, as its bytecode is


def _made(pattern: object, compiled: Compiled) -> object:
    flags, code, groups, names = compiled
    by_number: list[str | None] = [None] * (groups + 1)
    for name, number in names.items():
        by_number[number] = name
    numbers = memoryview(code).cast("I").tolist()
    return compiler._sre.compile(pattern, flags, numbers, groups, names, tuple(by_number))


def _packed(code: list[int]) -> bytes:
    return b"".join(number.to_bytes(compiler._sre.CODESIZE, sys.byteorder) for number in code)


def _compiler_hash() -> bytes:
    """Return what importlib would compare these sources by (PEP 552), beside what else the numbers depend on."""
    parts = [f"{sys.implementation.cache_tag} {sys.byteorder} {compiler._sre.CODESIZE}".encode()]
    for name in _MODULES:
        with open(str(sys.modules[name].__file__), "rb") as file:  # noqa: PTH123 - faster
            parts.append(file.read())
    return source_hash(b"".join(parts))
