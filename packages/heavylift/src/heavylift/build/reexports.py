"""Finds the modules that may be executed when they are first used: those that only name what others define.

Such a module has imports and constants, nothing else, so executing it later changes nothing but when the modules that it names are
imported. Whether that may be later, the user says, by naming the package: a module that others count on being imported, as one
that registers itself, may be named by nothing else.

A module that imports, over others perhaps, what imports it again is executed as ever: which of them comes first decides whether
the imports of such a circle succeed at all.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

# What the import system reads of a module before it is executed, or what changes how the module is looked into.
_SPECIAL = frozenset({"__path__", "__name__", "__spec__", "__loader__", "__package__", "__file__", "__class__"})


def find_reexports(folder: Path, packages: Sequence[str], imported: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the sources of the modules below some packages that only name what others define, for each package.

    Args:
        folder: the applib.
        packages: their dotted names.
        imported: sources of the modules that a start imported without an error, by paths relative to the folder; only those are
            looked at.
    """
    paths = {_module_name(path): path for path in imported}
    graph: dict[str, set[str]] = {}
    naming: dict[str, str] = {}
    for name, path in paths.items():
        tree = _parse(folder / path)  # not kept: collecting garbage among all of them takes longer than parsing
        graph[name] = set(_imports(name, path, tree, paths.keys())) - {name}
        if _only_names(tree):
            naming[name] = path
    circles = _find_circles(graph)
    found = {name: path for name, path in naming.items() if name not in circles}
    return {
        package: sorted(path for name, path in found.items() if f"{name}.".startswith(f"{package}."))
        for package in packages
    }


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError):
        return ast.Module([], [])  # nothing is known of it


def _imports(name: str, path: str, tree: ast.Module, known: Set[str]) -> Iterator[str]:
    """Yield the modules that a module imports when it is executed; its own packages are imported before it, and do not count."""
    package = name if path.endswith("/__init__.py") else name.rpartition(".")[0]
    own = set(_with_parents(name))
    for statement in _executed(tree.body):
        if isinstance(statement, ast.Import):
            named = [part for alias in statement.names for part in _with_parents(alias.name) if part not in own]
        else:
            above = package.split(".")[: -(statement.level - 1) or None] if statement.level else []
            base = ".".join([*above, *filter(None, [statement.module])])
            named = [part for part in _with_parents(base) if part not in own]
            for alias in statement.names:
                named.append(submodule if (submodule := f"{base}.{alias.name}") in known else base)
        yield from (each for each in named if each in known)


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _executed(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports in a module's own code, whatever they depend on; functions are executed later."""
    for each in body:
        if isinstance(each, (ast.Import, ast.ImportFrom)):
            yield each
        elif isinstance(
            each, (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.ClassDef, ast.excepthandler, ast.match_case)
        ):
            yield from _executed(ast.iter_child_nodes(each))


def _find_circles(graph: Mapping[str, Collection[str]]) -> Set[str]:
    """Return the nodes that lie in circles of a graph.

    Source: Tarjan, "Depth-First Search and Linear Graph Algorithms" (1972), section 4: strongly connected components.
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    left: dict[str, None] = {}  # the nodes without a component yet, as a stack
    found: set[str] = set()
    for root in graph:
        path = [] if root in number else [_begin(root, graph, number, lowest, left)]
        while path:
            node, targets = path[-1]
            for target in targets:
                if target not in number:
                    path.append(_begin(target, graph, number, lowest, left))
                    break
                if target in left:
                    lowest[node] = min(lowest[node], number[target])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    component = [left.popitem()[0]]
                    while component[-1] != node:
                        component.append(left.popitem()[0])
                    found.update(component if len(component) > 1 else ())
    return found


def _begin(
    node: str,
    graph: Mapping[str, Collection[str]],
    number: dict[str, int],
    lowest: dict[str, int],
    left: dict[str, None],
) -> tuple[str, Iterator[str]]:
    number[node] = lowest[node] = len(number)
    left[node] = None
    return node, iter(graph[node])


def _only_names(tree: ast.Module) -> bool:
    return any(isinstance(each, (ast.Import, ast.ImportFrom)) for each in tree.body) and all(map(_names, tree.body))


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
