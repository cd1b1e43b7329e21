"""Modules found beside an applib's chunks of bytecode are those that Python finds without these."""

from __future__ import annotations

import importlib
import importlib.util
import py_compile
import sys
import tempfile
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.build.binaries import collect_bytecode
from heavylift.contracts.archive import BYTECODE_NAME
from heavylift.runtime.bytecode import install

PACKAGE = "heavylift_found_beside_chunks"
# Whatever may stand for a module called `m`, in Python's order: a package, an extension, a source; and what never does.
FORMS = ("m/__init__.py", "m/__init__.abi3.so", "m.abi3.so", "m.so", "m.py", "m/n.py", "m.libs/l.so", "m.so.1")


@settings(max_examples=60, deadline=None)
@given(forms=st.sets(st.sampled_from(FORMS)))
def test_a_module_is_found_where_python_finds_it(forms: set[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch, clean_imports(scratch):
        folder = Path(scratch) / PACKAGE
        for name in {"__init__.py", *forms}:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        wanted = [found(f"{PACKAGE}.{name}") for name in ("m", "m.n", "none")]
        forget()
        for source in folder.rglob("*.py"):
            py_compile.compile(str(source), doraise=True)
        held = collect_bytecode(Path(scratch), [], [])
        assert all(BYTECODE_NAME in holder for holder in held.values())
        install(Path(scratch))
        assert [found(f"{PACKAGE}.{name}") for name in ("m", "m.n", "none")] == wanted


def found(name: str) -> tuple[str | None, str, list[str] | None, bool] | None:
    """Return what a module's spec says of where it lies."""
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:  # it would be in a module that is none, or no package
        return None
    if spec is None:
        return None
    search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    return spec.origin, str(spec.cached), search, spec.has_location


@contextmanager
def clean_imports(folder: str) -> Iterator[None]:
    """Put a folder on `sys.path`, and undo what is done to the import system."""
    lists: tuple[MutableSequence[Any], ...] = (sys.path, sys.path_hooks)
    before = [list(each) for each in lists]
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        for each, content in zip(lists, before, strict=True):
            each[:] = content
        forget()


def forget() -> None:
    """Forget the package, and what was seen of its folders."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
