"""Reads the references in a module's source: modules that it imports or names, and files that it names. Pure.

A module refers to another by an import, or by a string that holds its name, whole or relative to its own package (lazy loaders,
`import_module`); to a file by a string that ends with the file's name, or with its suffix where the folders between are named,
too; to all files of a folder by naming it, where it also imports names that it computes, lists folders or builds paths; and to
those that share its folder and stem by `__file__` (`lazy_loader` reads the stub beside a module). What a module puts together from
anything else, nobody sees but a recorded start.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from heavylift.build.names import ancestor, join

DOTTED = re.compile(r"\.*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::[\w.]+)?")
_PARTS = re.compile(r"[./\\]")
_OPEN = re.compile(r"[%{*]|[./]$")  # what is left of a name that the rest of is computed
_FROM = re.compile(r"\bfrom\s+(\.*)([\w.]*)[\s\\]+import\b(\s*\([^)]*\)|(?:[^\n\\]|\\\s*\n|\\)*)")
_LOOKING = frozenset(  # functions that list folders or build paths
    {
        *("listdir", "scandir", "iterdir", "glob", "iglob", "rglob", "walk", "iter_modules", "walk_packages"),
        *("join", "joinpath", "Path", "files"),
    }
)
_RUNNING = frozenset({"exec", "eval", "compile"})
_TELLING = frozenset({ast.Constant, ast.Import, ast.ImportFrom, ast.Call, ast.BinOp, ast.Assign, ast.Name})
_NOTHING = frozenset({int, str, bool, type(None), ast.Load, ast.Store})  # most values of nodes' fields
_LEAVES = _NOTHING | {ast.Constant, ast.Name}
_QUOTED = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """The modules and files that a module refers to."""

    modules: Collection[str]  # absolute names; some may be of attributes
    strings: Collection[str]
    called: Collection[str]  # strings that it hands to a function which imports
    own_file: bool  # whether it asks where it lies
    folders: Collection[set[str]]  # words that together may name a folder in which it looks for modules or files


def read_references(source: bytes, package: str) -> References:
    """Return the references in a module's source.

    Args:
        source: of the module; what is no Python of this version is searched for everything that looks like a name.
        package: that the module's relative imports start from.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a package's source, nobody here mends it
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return _search(source.decode("utf-8", "replace"), package)
    found = _Found(package)
    for node in _walk(tree):
        found.note(node)
    return found.references()


def _search(text: str, package: str) -> References:
    """Return everything in a text that looks like a name."""
    words, quoted = set(DOTTED.findall(text)), set(_QUOTED.findall(text))
    return References(
        modules=words | _imported(text, package),
        strings=words | quoted,
        called=(),
        own_file=True,
        folders=[_parts(quoted)],
    )


class _Found:
    """The references in the nodes of a module's tree.

    Args:
        package: that the module's relative imports start from.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._modules: set[str] = set()
        self._called: set[str] = set()
        self._strings: set[str] = set()
        self._own_file = self._runs = self._imports = False
        self._constants: dict[str, str] = {}
        self._places: list[list[ast.expr]] = []  # that may name a folder

    def note(self, node: ast.AST) -> None:
        """Note what a node refers to."""
        match node:
            case ast.Constant(value=str(text)):
                self._strings.add(text)
            case ast.Constant(value=bytes(raw)):
                self._strings.add(raw.decode("utf-8", "replace"))
            case ast.Import(names=names):
                self._modules.update(alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = join(ancestor(self._package, level - 1) if level else "", module or "")
                self._modules.update(join(base, alias.name) for alias in names)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                self._note_call(node, name)
            case ast.BinOp(op=ast.Div()):
                self._places.append([node])
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                self._constants[name] = text
            case ast.Name(id="__file__"):
                self._own_file = True

    def _note_call(self, call: ast.Call, name: str) -> None:
        self._runs |= name in _RUNNING
        if name in _LOOKING:
            self._places.append(call.args)
        elif "import" in name:
            match call.args:
                case [ast.Constant(value=str(text)), *_]:
                    self._called.add(text)
                    if any(keyword.arg == "fromlist" for keyword in call.keywords):
                        self._places.append(call.args)
                case [ast.JoinedStr(values=[*_, ast.Constant()]), *_]:
                    pass  # a name whose end is known is looked for as it is
                case [_, *_]:
                    self._places.append(call.args)
                    self._imports = True

    def references(self) -> References:
        """Return all of them."""
        modules = set(self._modules)
        for text in self._strings if self._runs else ():
            modules |= _imported(text, self._package)
        folders = [_parts(_strings(place, self._constants)) for place in self._places]
        folders += [_parts([text]) for text in self._strings if (self._imports and "." in text) or _OPEN.search(text)]
        return References(
            modules=modules, strings=self._strings, called=self._called, own_file=self._own_file, folders=folders
        )


def _imported(text: str, package: str) -> set[str]:
    """Return the modules that the import statements in a text name."""
    modules = set(DOTTED.findall(text)) if "import" in text else set()
    for level, module, names in _FROM.findall(text):
        base = join(ancestor(package, len(level) - 1) if level else "", module)
        modules.update(join(base, name) for name in re.findall(r"\w+", names))
    return modules


def _strings(place: list[ast.expr], constants: Mapping[str, str]) -> Iterator[str]:
    """Yield the strings in some expressions, and those that their variables stand for."""
    for expression in place:
        for node in _walk(expression):
            match node:
                case ast.Constant(value=str(text)):
                    yield text
                case ast.Name(id=name) if name in constants:
                    yield constants[name]


def _parts(texts: Iterable[str]) -> set[str]:
    """Return the words that name folders in paths and in modules' names."""
    return {part for text in texts if " " not in text for part in _PARTS.split(text) if part}


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield those of a tree's nodes that may tell of references, in any order: `ast.walk` would be most of a search's time."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        kind = type(node)
        if kind in _TELLING:
            yield node
        if kind in _LEAVES:
            continue
        for value in vars(node).values():
            if type(value) is list:
                nodes += value
            elif type(value) not in _NOTHING:
                nodes.append(value)
