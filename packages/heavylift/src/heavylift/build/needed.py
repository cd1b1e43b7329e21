"""Finds the files that pruning would take away and that have to stay, since others refer to them.

In two steps: `find_referrers` reads those files that stay in any case, one by one, so that several processes can share them;
`find_needed` follows what they refer to. What is kept for a reference counts as a referrer itself. Pure: paths and contents in,
paths out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from heavylift.build.candidates import Candidates
from heavylift.build.mentions import Mentions
from heavylift.build.names import above, join, module_name, prefixes, split
from heavylift.build.references import DOTTED, References, read_references

_COMPUTED = re.compile(r"(?:\*+|%\(?\w*\)?s|\{[^}]*\})?(\.\w+)")  # `*.cu`, `%s.cu`, and the end of f"{name}.cu"
_ENTRY = re.compile(r"=\s*([\w.]+)")
_ENTRY_POINTS = ".dist-info/entry_points.txt"

Read = Callable[[str], bytes]  # a file, by its path
Referrers = Mapping[str, References]  # by path


def find_referrers(candidates: Candidates, paths: Iterable[str], read: Read) -> dict[str, References]:
    """Return the references of those of some files that may refer to a candidate."""
    mentions, words = Mentions(candidates), _module_words(candidates)
    found = {}
    for path in paths:
        if path.endswith(".py"):
            source = read(path)
            if mentions(source, path):
                found[path] = _parse(path, source)
        elif path.endswith(_ENTRY_POINTS):
            found[path] = _named(_ENTRY.findall(read(path).decode("utf-8", "replace")))
        elif path.endswith(".so") and (own := words.get(candidates.owner(path))):
            found[path] = _named(_search_extension(own, read(path)))
    return found


def find_needed(
    candidates: Candidates, referrers: Referrers, read: Read, opened: Iterable[str] = (), known: Iterable[str] = ()
) -> set[str]:
    """Return the candidates that have to stay.

    Args:
        candidates: what pruning would take away.
        referrers: of all files that stay in any case.
        read: reads a candidate that stays.
        opened: paths of what is needed for another reason.
        known: candidates that stay, and whose references were followed before.
    """
    return _Search(candidates, read, known).run(referrers, opened)


def _parse(path: str, source: bytes) -> References:
    return read_references(source, split(path)[0].replace("/", "."))


def _named(modules: Collection[str]) -> References:
    return References(modules=modules, strings=(), called=(), own_file=False, folders=())


def _module_words(candidates: Candidates) -> dict[str, dict[str, list[str]]]:
    """Return the modules that would go of each distribution, by a word that stands in every reference to them."""
    words: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module, places in candidates.modules.items():
        word = candidates.outermost(module).rpartition(".")[2]
        words[candidates.owner(places[0])][word].append(module)
    return words


def _search_extension(modules: Mapping[str, list[str]], content: bytes) -> list[str]:
    # Cython keeps the names of what a module imports as they are. Whole names only: a library holds any short word.
    tops = {name.partition(".")[0].encode() for names in modules.values() for name in names}
    tops = {top for top in tops if top in content}
    if not tops:
        return []  # as most of them, and the largest: one look at a library, instead of one for each word
    dotted = b"\n".join(re.findall(rb"(?:%b)[\w.\x80-\xff]*" % b"|".join(map(re.escape, sorted(tops))), content))
    named = ((word, [name for name in names if name.encode() in dotted]) for word, names in modules.items())
    return [name for word, names in named if names and f".{word}".encode() in content for name in names]


class _Search:
    def __init__(self, candidates: Candidates, read: Read, known: Iterable[str]) -> None:
        self._candidates, self._read = candidates, read
        self._needed = set(known)
        self._unread: list[str] = []
        self._parts = {module.rpartition(".")[2] for module in candidates.modules}

    def run(self, referrers: Referrers, opened: Iterable[str]) -> set[str]:
        for path in opened:
            self._keep(path)
        for path, references in sorted(referrers.items()):
            self._follow(path, references)
        while self._unread:
            path = self._unread.pop()
            self._follow(path, _parse(path, self._read(path)))
        return self._needed

    def _follow(self, path: str, references: References) -> None:
        folder, name = split(path)
        package = folder.replace("/", ".")
        for module in (*references.modules, *references.called):
            self._keep_module(module)
        owner, packages = self._candidates.owner(path), list(prefixes(package))
        for text in references.strings:
            for file in self._candidates.names.get((owner, text.rpartition("/")[2]), ()):
                self._keep(file)
            if match := DOTTED.fullmatch(text):
                if "." in match[1]:  # a word alone is mostly no module's name
                    self._keep_module(match[1])
                for base in packages:
                    self._keep_module(join(base, match[1]))
            if (match := _COMPUTED.fullmatch(text)) and (owner, match[1]) in self._candidates.suffixes:
                self._keep_suffix(owner, match[1], folder, references.strings)
        for words in references.folders:
            self._keep_folders(package, words)
        if references.own_file:
            for file in self._candidates.siblings.get((folder, name.partition(".")[0]), ()):
                self._keep(file)

    def _keep_module(self, module: str) -> None:
        if self._parts.isdisjoint(module.split(".")):
            return
        for name in prefixes(module):
            for path in self._candidates.modules.get(name, ()):
                self._keep(path)

    def _keep_suffix(self, owner: str, suffix: str, folder: str, strings: Collection[str]) -> None:
        named = {part for text in strings for part in text.split("/")}
        for path in self._candidates.suffixes.get((owner, suffix), ()):
            below = split(path)[0]
            if below == folder or (
                below.startswith(f"{folder}/") and named.issuperset(below[len(folder) + 1 :].split("/"))
            ):
                self._keep(path)

    def _keep_folders(self, package: str, words: set[str]) -> None:
        """Keep the files of the folders that words name, whole or from a package around; of nested ones the inner."""
        folders, named = self._candidates.folder_names, set()
        for name in words & folders.keys():
            for folder in folders[name]:
                parts = folder.split("/")
                starts = [0] if len(parts) > 1 else []  # a word alone is mostly no folder's name
                starts += [
                    depth
                    for depth, base in enumerate(above(package.replace(".", "/")), 1)
                    if folder.startswith(f"{base}/")
                ]
                if any(words.issuperset(parts[start:]) for start in starts):
                    named.add(folder)
        for folder in named.difference(*(above(inner)[:-1] for inner in named)):
            for path in self._candidates.folders[folder]:
                self._keep(path)

    def _keep(self, path: str) -> None:
        if path in self._needed or path not in self._candidates.going:
            return
        self._needed.add(path)
        if path.endswith((".py", ".pyi")):
            self._unread.append(path)
            self._keep_module(module_name(path))  # and so the packages that it lies in
