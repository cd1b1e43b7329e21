"""Finds the files that pruning would remove and the rest refers to: modules that it imports or names, and files that it names.

Pure: paths and contents in, paths out. A module refers to another by an import, or by a string that holds its name, whole or
relative to its own package (lazy loaders, `import_module`); to a file by a string that ends with the file's name, or with its
suffix where the folders between are named, too; to all files of a folder by naming it, where it also imports names that it
computes, lists folders or builds paths; and to those that share its folder and stem by `__file__` (`lazy_loader` reads the stub
beside a module). What is kept for such a reference counts as a referrer itself. What a module puts together from anything else,
nobody sees but a recorded start.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

_DOTTED = re.compile(r"\.*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::[\w.]+)?")
_COMPUTED = re.compile(r"(?:\*+|%\(?\w*\)?s|\{[^}]*\})?(\.\w+)")  # `*.cu`, `%s.cu`, and the end of f"{name}.cu"
_PARTS = re.compile(r"[./\\]")
_OPEN = re.compile(r"[%{*]|[./]$")  # what is left of a name that the rest of is computed
_ENTRY = re.compile(r"=\s*([\w.]+)")
_FROM = re.compile(r"\bfrom\s+(\.*)([\w.]*)[\s\\]+import\b(\s*\([^)]*\)|(?:[^\n\\]|\\\s*\n|\\)*)")
_LOOKING = frozenset(  # functions that list folders or build paths
    {
        *("listdir", "scandir", "iterdir", "glob", "iglob", "rglob", "walk", "iter_modules", "walk_packages"),
        *("join", "joinpath", "Path", "files"),
    }
)
_RUNNING = frozenset({"exec", "eval", "compile"})
_TOKEN = re.compile(rb"[\"']?[\w./+-]+[\"']?")
_WORD = re.compile(rb"\w+")
_IMPORT = re.compile(rb"\b(?:from|import)\b(?:[^\n(]*\([^)]*\)|(?:[^\n\\]|\\\s*\n|\\)*)")
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
        words = set(_DOTTED.findall(text))
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
                base = _join(_ancestor(package, level - 1) if level else "", module or "")
                modules.update(_join(base, alias.name) for alias in names)
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
    modules = set(_DOTTED.findall(text)) if "import" in text else set()
    for level, module, names in _FROM.findall(text):
        base = _join(_ancestor(package, len(level) - 1) if level else "", module)
        modules.update(_join(base, name) for name in re.findall(r"\w+", names))
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
    """Yield a tree's nodes, in any order: a third of `ast.walk`'s time, which would be most of a search's."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                nodes += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                nodes.append(value)


def find_needed(
    paths: Collection[str],
    candidates: Set[str],
    read: Callable[[str], bytes],
    *,
    owners: Mapping[str, str],
    opened: Collection[str] = (),
) -> set[str]:
    """Return the candidates that have to stay.

    Args:
        paths: of all files, relative, with `/`.
        candidates: those of them that pruning would take away.
        read: returns a file's content.
        owners: the distribution that a file belongs to; without one it belongs to its top folder. A bare file name means a file
            of the same distribution.
        opened: what is needed for another reason.
    """
    return _Search(paths, candidates, read, owners).run(opened)


@dataclass(slots=True)
class _Index:
    """The candidates, by the names that may refer to them."""

    modules: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    names: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # owner, file name
    suffixes: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # owner, suffix
    siblings: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # folder, stem
    folders: dict[str, list[str]] = field(default_factory=dict)  # those whose files would all go
    folder_names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by the last part


class _Search:
    def __init__(
        self, paths: Collection[str], candidates: Set[str], read: Callable[[str], bytes], owners: Mapping[str, str]
    ) -> None:
        self._paths, self._candidates, self._read, self._owners = paths, candidates, read, owners
        self._index = _Index()
        self._needed: set[str] = set()
        self._unread: list[str] = []
        # Of each distribution, the modules that would go, by a word of their names (`_word`).
        self._own_modules: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in sorted(candidates):
            folder, name = _split(path)
            stem, _, suffix = name.partition(".")
            if name.endswith((".py", ".so", ".pyc")):
                self._index.modules[_module(path)].append(path)
            owner = self._owner(path)
            self._index.names[owner, name].append(path)
            self._index.siblings[folder, stem].append(path)
            if suffix:
                self._index.suffixes[owner, name[name.rfind(".") :]].append(path)
            if suffix != "pyi":  # a folder of stubs alone is nothing to look into
                self._index.folders.setdefault(folder, []).append(path)
        for folder in {_split(path)[0] for path in paths if path not in candidates}.intersection(self._index.folders):
            del self._index.folders[folder]
        for folder in self._index.folders:
            self._index.folder_names[_split(folder)[1]].append(folder)
        self._parts = {module.rpartition(".")[2] for module in self._index.modules}
        for module, places in self._index.modules.items():
            self._own_modules[self._owner(places[0])][self._word(module)].append(module)

    def run(self, opened: Collection[str]) -> set[str]:
        for path in opened:
            self._keep(path)
        mentions = self._mentions()
        for path in sorted(set(self._paths) - self._candidates):
            if path.endswith(".py"):
                source = self._read(path)
                if mentions(source, path):
                    self._follow(path, source)
            elif path.endswith(".so"):
                self._search_extension(path)
            elif path.endswith(".dist-info/entry_points.txt"):
                for module in _ENTRY.findall(self._read(path).decode("utf-8", "replace")):
                    self._keep_module(module)
        while self._unread:
            path = self._unread.pop()
            self._follow(path, self._read(path))
        return self._needed

    def _mentions(self) -> Callable[[bytes, str], bool]:
        """Return a quick test: a source that fails it refers to no candidate."""
        words = {word.encode() for modules in self._own_modules.values() for word in modules}
        names = {name.encode() for _, name in self._index.names}
        suffixes = {suffix.encode() for _, suffix in self._index.suffixes}
        staying = {_split(path)[0] for path in self._paths if path.endswith(".py") and path not in self._candidates}
        packages = {above for folder in staying for above in _above(folder)}
        for folder in self._index.folders:  # who names one from a package that stays names all the folders below that
            outermost = next((above for above in _above(folder) if above not in packages), folder)
            words.add(_split(outermost)[1].encode())

        def named(token: bytes) -> bool:
            bare = token.strip(b"\"'").rstrip(b".")
            is_name = b"." in bare or b"/" in bare or len(token) > len(bare)  # a bare word alone is prose
            if is_name and not words.isdisjoint(bare.replace(b"/", b".").split(b".")):
                return True
            if token[-1:] not in b"\"'":
                return False  # a string with a file's name ends with it
            bare = bare[bare.rfind(b"/") + 1 :]
            return bare in names or (bare.startswith((b".", b"s.")) and bare[bare.rfind(b".") :] in suffixes)

        def test(source: bytes, path: str) -> bool:
            folder, name = _split(path)
            return (
                any(map(named, set(_TOKEN.findall(source))))
                or any(not words.isdisjoint(_WORD.findall(each)) for each in _IMPORT.findall(source))
                or ((folder, name.partition(".")[0]) in self._index.siblings and b"__file__" in source)
                or folder.replace("/", ".") in self._index.modules  # one of a package that goes need not name it
            )

        return test

    def _word(self, module: str) -> str:
        """Return a word that stands in every reference to a module: the name of the outermost package that would go with it."""
        parts = module.split(".")
        for end in range(1, len(parts)):
            if ".".join(parts[:end]) in self._index.modules:
                return parts[end - 1]
        return parts[-1]

    def _follow(self, path: str, source: bytes) -> None:
        folder, name = _split(path)
        package = folder.replace("/", ".")
        references = read_references(source, package)
        for module in (*references.modules, *references.called):
            self._keep_module(module)
        owner, packages = self._owner(path), list(_prefixes(package))
        for text in references.strings:
            for file in self._index.names.get((owner, text.rpartition("/")[2]), ()):
                self._keep(file)
            if match := _DOTTED.fullmatch(text):
                if "." in match[1]:  # a word alone is mostly no module's name
                    self._keep_module(match[1])
                for base in packages:
                    self._keep_module(_join(base, match[1]))
            if (match := _COMPUTED.fullmatch(text)) and (owner, match[1]) in self._index.suffixes:
                self._keep_suffix(owner, match[1], folder, references.strings)
        for words in references.folders:
            self._keep_folders(package, words)
        if references.own_file:
            for file in self._index.siblings.get((folder, name.partition(".")[0]), ()):
                self._keep(file)

    def _keep_module(self, module: str) -> None:
        if self._parts.isdisjoint(module.split(".")):
            return
        for name in _prefixes(module):
            for path in self._index.modules.get(name, ()):
                self._keep(path)

    def _keep_suffix(self, owner: str, suffix: str, folder: str, strings: Collection[str]) -> None:
        named = {part for text in strings for part in text.split("/")}
        for path in self._index.suffixes.get((owner, suffix), ()):
            below = _split(path)[0]
            if below == folder or (
                below.startswith(f"{folder}/") and named.issuperset(below[len(folder) + 1 :].split("/"))
            ):
                self._keep(path)

    def _keep_folders(self, package: str, words: set[str]) -> None:
        """Keep the files of the folders that words name, whole or from a package around; of nested ones the inner."""
        named = set()
        for name in words & self._index.folder_names.keys():
            for folder in self._index.folder_names[name]:
                parts = folder.split("/")
                starts = [0] if len(parts) > 1 else []  # a word alone is mostly no folder's name
                starts += [
                    depth
                    for depth, base in enumerate(_above(package.replace(".", "/")), 1)
                    if folder.startswith(f"{base}/")
                ]
                if any(words.issuperset(parts[start:]) for start in starts):
                    named.add(folder)
        for folder in named.difference(*(_above(inner)[:-1] for inner in named)):
            for path in self._index.folders[folder]:
                self._keep(path)

    def _search_extension(self, path: str) -> None:
        # Cython keeps the names of what a module imports as they are. Whole names only: a library holds any short word.
        modules = self._own_modules[self._owner(path)]
        if not modules:
            return
        content = self._read(path)
        for word, names in modules.items():
            if f".{word}".encode() in content:
                for name in names:
                    if name.encode() in content:
                        self._keep_module(name)

    def _keep(self, path: str) -> None:
        if path in self._needed or path not in self._candidates:
            return
        self._needed.add(path)
        if path.endswith((".py", ".pyi")):
            self._unread.append(path)
            self._keep_module(_module(path))  # and so the packages that it lies in

    def _owner(self, path: str) -> str:
        return self._owners.get(path, path.partition("/")[0])


def _module(path: str) -> str:
    """Return the name that a file has as a module."""
    folder, name = _split(path)
    stem = name.partition(".")[0]
    package = folder.replace("/", ".")
    return package if stem == "__init__" else _join(package, stem)


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _above(folder: str) -> list[str]:
    """Return the folders that a folder lies in, from the outermost, then itself."""
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _join(base: str, name: str) -> str:
    return f"{base}.{name}" if base and name else base or name


def _ancestor(package: str, levels: int) -> str:
    parts = package.split(".")
    return ".".join(parts[: max(len(parts) - levels, 0)])


def _prefixes(name: str) -> Iterator[str]:
    """Yield the names of the packages that a module lies in, from the outermost, then its own."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
