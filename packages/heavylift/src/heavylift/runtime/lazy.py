"""Modules that are executed when they are first used, not when they are imported.

A library's API is often a tree of modules that do nothing but import names from where they are defined: a start that executes all
of them also imports all that they name. The build lists such modules of the packages that the user chose (`lazy_imports`); here
they become modules whose first look-up of a name executes them, as PEP 810 describes it for later Pythons.
`importlib.util.LazyLoader` does the same, but until Python 3.12.3 two threads may execute one module at once, or see half of it.

This module stands alone: the build executes its source in processes that see nothing else of heavylift.
"""

from __future__ import annotations

import importlib._bootstrap as _bootstrap  # no public name leads to a module's own lock, which notices deadlocks
from collections.abc import Callable
from threading import get_ident
from types import ModuleType

# What the import system itself asks a module for, and has set before it is executed.
_KNOWN = frozenset({"__class__", "__spec__", "__name__", "__loader__", "__package__", "__file__", "__cached__"})
_executing: dict[int, int] = {}  # the thread that executes a module, by the module's `id`


class LazyModule(ModuleType):
    """A module that is imported, and executed when something of it is used; then it is an ordinary module.

    An exception of its code reaches whoever uses it first, and the next use executes it again.
    """

    def __getattribute__(self, name: str) -> object:
        """Return what stands under a name, when the module has been executed."""
        if name not in _KNOWN:
            _execute(self)
        return ModuleType.__getattribute__(self, name)  # `super()` would want it to be lazy still

    def __delattr__(self, name: str) -> None:
        """Remove a name, when the module has been executed."""
        _execute(self)
        ModuleType.__delattr__(self, name)


def postpone(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Let a module that has just been imported be executed when it is first used.

    Args:
        module: with the attributes that the import system sets.
        execute: its loader's `exec_module`.
    """
    assert module.__spec__ is not None
    module.__spec__.loader_state = execute
    module.__class__ = LazyModule


def _is_lazy(module: ModuleType) -> bool:
    return type(module) is LazyModule


def _execute(module: ModuleType) -> None:
    if _executing.get(id(module)) == get_ident():
        return  # its own code, or what that imports, uses it
    spec = module.__spec__
    assert spec is not None
    try:
        with _bootstrap._ModuleLockManager(spec.name):  # type: ignore[attr-defined]
            if not _is_lazy(module):
                return  # another thread was faster
            _executing[id(module)] = get_ident()
            try:
                spec.loader_state(module)
                module.__class__ = ModuleType
            finally:
                del _executing[id(module)]
    except _bootstrap._DeadlockError:  # type: ignore[attr-defined]
        return  # as with imports, two threads that wait for each other's modules see what there is
