"""Which files that pruning would take away the rest refers to: modules that it imports or names, and files that it names.

Pure: paths and contents in, paths out. A module refers to another by an import, or by a string that holds its name, whole or
relative to its own package (lazy loaders, `import_module`); to a file by a string that ends with the file's name, or with its
suffix where the folders between are named, too; and to those that share its folder and stem by `__file__` (`lazy_loader` reads the
stub beside a module). What is kept for such a reference counts as a referrer itself. What a module puts together from anything
else, nobody sees but a recorded start.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field

_DOTTED = re.compile(r"\.*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::[\w.]+)?")
_COMPUTED = re.compile(r"(?:\*+|%\(?\w*\)?s|\{[^}]*\})?(\.\w+)")  # `*.cu`, `%s.cu`, and the end of f"{name}.cu"
_QUOTED = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """What a module refers to."""

    modules: Collection[str]  # absolute names; some may be of attributes
    strings: Collection[str]
    own_file: bool  # whether it asks where it lies


def read_references(source: bytes, package: str) -> References:
    """Return what a module's source refers to.

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
        return References(modules=words, strings=words.union(_QUOTED.findall(text)), own_file=True)
    modules: set[str] = set()
    strings: set[str] = set()
    own_file = False
    for node in ast.walk(tree):
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
            case ast.Name(id="__file__"):
                own_file = True
    return References(modules=modules, strings=strings, own_file=own_file)


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
    """The candidates, by what one may call them."""

    modules: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    names: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # owner, file name
    suffixes: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # owner, suffix
    siblings: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))  # folder, stem


class _Search:
    def __init__(
        self, paths: Collection[str], candidates: Set[str], read: Callable[[str], bytes], owners: Mapping[str, str]
    ) -> None:
        self._paths, self._candidates, self._read, self._owners = paths, candidates, read, owners
        self._index = _Index()
        self._needed: set[str] = set()
        self._unread: list[str] = []
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

    def run(self, opened: Collection[str]) -> set[str]:
        for path in opened:
            self._keep(path)
        mentions = self._mentions()
        for path in sorted(set(self._paths) - self._candidates):
            if path.endswith(".py"):
                source = self._read(path)
                if mentions(source, path):
                    self._follow(path, source)
            elif path.endswith(".so") and self._index.modules:
                self._search_extension(path)
        while self._unread:
            path = self._unread.pop()
            self._follow(path, self._read(path))
        return self._needed

    def _mentions(self) -> Callable[[bytes, str], bool]:
        """Return a quick test: a source that fails it refers to no candidate."""
        words = {self._word(module).encode() for module in self._index.modules}
        suffixes = {name[name.rfind(".") :] for _, name in self._index.names if "." in name}
        words |= {f"{name}{quote}".encode() for _, name in self._index.names if "." not in name for quote in "\"'"}
        endings = re.compile(b"(?:%s)[\"']" % b"|".join(re.escape(each).encode() for each in sorted(suffixes)))

        def test(source: bytes, path: str) -> bool:
            folder, name = _split(path)
            return (
                any(word in source for word in words)
                or bool(suffixes and endings.search(source))
                or ((folder, name.partition(".")[0]) in self._index.siblings and b"__file__" in source)
                or folder.replace("/", ".") in self._index.modules  # one of a package that goes need not name it
            )

        return test

    def _word(self, module: str) -> str:
        """Return a word that stands in whatever refers to a module: of the outermost package that would go with it, its name."""
        parts = module.split(".")
        for end in range(1, len(parts)):
            if ".".join(parts[:end]) in self._index.modules:
                return parts[end - 1]
        return parts[-1]

    def _follow(self, path: str, source: bytes) -> None:
        folder, name = _split(path)
        package = folder.replace("/", ".")
        references = read_references(source, package)
        for module in references.modules:
            self._keep_module(module)
        bases = ["", *_prefixes(package)]
        owner = self._owner(path)
        for text in references.strings:
            for file in self._index.names.get((owner, text.rpartition("/")[2]), ()):
                self._keep(file)
            if match := _DOTTED.fullmatch(text):
                for base in bases:
                    self._keep_module(_join(base, match[1]))
            if match := _COMPUTED.fullmatch(text):
                self._keep_suffix(owner, match[1], folder, references.strings)
        if references.own_file:
            for file in self._index.siblings.get((folder, name.partition(".")[0]), ()):
                self._keep(file)

    def _keep_module(self, module: str) -> None:
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

    def _search_extension(self, path: str) -> None:
        # Cython keeps the names of what a module imports as they are. Whole names only: a library holds any short word.
        content = self._read(path)
        present = {word: f".{word}".encode() in content for word in {self._word(each) for each in self._index.modules}}
        for module in list(self._index.modules):
            if "." in module and present[self._word(module)] and module.encode() in content:
                self._keep_module(module)

    def _keep(self, path: str) -> None:
        if path in self._needed or path not in self._candidates:
            return
        self._needed.add(path)
        if path.endswith(".py"):
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
