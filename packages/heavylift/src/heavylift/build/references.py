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
        text = source.decode("utf-8", "replace")
        words = set(DOTTED.findall(text))
        quoted = set(_QUOTED.findall(text))
        return References(
            modules=words | _imported(text, package),
            strings=words | quoted,
            called=(),
            own_file=True,
            folders=[_parts(quoted)],
        )
    modules: set[str] = set()
    called: set[str] = set()
    strings: set[str] = set()
    own_file = runs = imports = False
    constants: dict[str, str] = {}
    places: list[list[ast.expr]] = []  # that may name a folder
    for node in _walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                strings.add(text)
            case ast.Constant(value=bytes(raw)):
                strings.add(raw.decode("utf-8", "replace"))
            case ast.Import(names=names):
                modules.update(alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = join(ancestor(package, level - 1) if level else "", module or "")
                modules.update(join(base, alias.name) for alias in names)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                if name in _LOOKING:
                    places.append(args)
                elif "import" in name:
                    match args:
                        case [ast.Constant(value=str(text)), *_]:
                            called.add(text)
                            if any(keyword.arg == "fromlist" for keyword in node.keywords):
                                places.append(args)
                        case [ast.JoinedStr(values=[*_, ast.Constant()]), *_]:
                            pass  # a name whose end is known is looked for as it is
                        case [_, *_]:
                            places.append(args)
                            imports = True
                runs |= name in _RUNNING
            case ast.BinOp(op=ast.Div()):
                places.append([node])
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                constants[name] = text
            case ast.Name(id="__file__"):
                own_file = True
    if runs:
        for text in strings:
            modules |= _imported(text, package)
    folders = [_parts(_strings(place, constants)) for place in places]
    folders += [_parts([text]) for text in strings if (imports and "." in text) or _OPEN.search(text)]
    return References(modules=modules, strings=strings, called=called, own_file=own_file, folders=folders)


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
