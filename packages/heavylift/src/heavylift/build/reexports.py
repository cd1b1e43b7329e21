"""Finds the modules that may be executed when they are first used: those that only name what others define.

Such a module has imports and constants, nothing else, so executing it later changes nothing but when the modules that it names are
imported. Whether that may be later, the user says, by naming the package: a module that others count on being imported, as one
that registers itself, may be named by nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

# What the import system reads of a module before it is executed, or what changes how the module is looked into.
_SPECIAL = frozenset({"__path__", "__name__", "__spec__", "__loader__", "__package__", "__file__", "__class__"})


def find_reexports(folder: Path, packages: Sequence[str], imported: Iterable[str]) -> list[str]:
    """Return the sources of modules below some packages that only name what others define.

    Args:
        folder: the applib.
        packages: their dotted names.
        imported: paths of modules that a start imported without an error, relative to the folder; only those are looked at.
    """
    below = tuple(f"{package.replace('.', '/')}/" for package in packages)
    return sorted(path for path in imported if path.startswith(below) and _only_names(folder / path))


def _only_names(path: Path) -> bool:
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return False
    return any(isinstance(each, (ast.Import, ast.ImportFrom)) for each in body) and all(map(_names, body))


def _names(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import):
        return True
    if isinstance(statement, ast.ImportFrom):
        return all(alias.name != "*" for alias in statement.names)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign):
        names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        return len(names) == len(statement.targets) and _SPECIAL.isdisjoint(names) and _is_constant(statement.value)
    return False


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, (ast.List, ast.Tuple)):
        return all(map(_is_constant, value.elts))
    return isinstance(value, ast.Constant)
