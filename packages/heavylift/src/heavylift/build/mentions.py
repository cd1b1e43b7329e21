"""A quick test of sources: those that fail it refer to no candidate, and need not be parsed. Pure.

It looks at words and at the ends of strings alone, in a fraction of a parser's time. Who refers to a module or a folder writes all
parts of its name, but for those of a package that it lies in itself; the last part stands in a dotted name, a path, a string of its
own or an import.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from heavylift.build.candidates import Candidates
from heavylift.build.names import split

_SPACES = bytes(
    code if chr(code).isascii() and (chr(code).isalnum() or code == ord("_")) else 32 for code in range(256)
)
_WORD = re.compile(rb"\w+")
_IMPORT = re.compile(rb"\b(?:from|import)\b(?:[^\n(]*\([^)]*\)|(?:[^\n\\]|\\\s*\n|\\)*)")


class Mentions:
    """The test of sources for mentions of candidates.

    Args:
        candidates: what may be mentioned.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._targets: dict[bytes, set[tuple[bytes, ...]]] = defaultdict(set)  # parts of names, by a word of the last
        for name in candidates.targets():
            parts = tuple(part.encode() for part in name.split("/"))
            for word in _WORD.findall(parts[-1])[:1]:
                self._targets[word].add(parts)
        self._names: dict[str, set[bytes]] = defaultdict(set)
        for owner, name in candidates.names:
            self._names[owner].add(name.encode())
        self._endings = {owner: _ending(suffixes) for owner, suffixes in _by_owner(candidates.suffixes)}

    def __call__(self, source: bytes, path: str) -> bool:
        """Return whether a source may refer to a candidate."""
        folder, name = split(path)
        if folder.replace("/", ".") in self._candidates.modules:  # one of a package that goes need not name it
            return True
        if (folder, name.partition(".")[0]) in self._candidates.siblings and b"__file__" in source:
            return True
        return self._ends_a_string(source, self._candidates.owner(path)) or self._names_a_target(source, folder)

    def _ends_a_string(self, source: bytes, owner: str) -> bool:
        """Return whether a string may be a file's name, or what is left of one before its suffix."""
        if names := self._names.get(owner):
            text = source.replace(b'"', b"'")
            # What stands between any of these characters is more than the ends of strings, and found in a tenth of the time.
            if not names.isdisjoint(text.replace(b"/", b"'").split(b"'")) and not names.isdisjoint(
                string[string.rfind(b"/") + 1 :] for string in text.split(b"'")
            ):
                return True
        ending = self._endings.get(owner)
        return ending is not None and any(
            source[max(match.start() - 1, 0) : match.start()] in b"\"'*}s" for match in ending.finditer(source)
        )

    def _names_a_target(self, source: bytes, folder: str) -> bool:
        words = words_of(source)
        around = folder.encode().split(b"/")
        lasts = {
            parts[-1]
            for word in self._targets.keys() & words
            for parts in self._targets[word]
            if words.issuperset(_rest(parts, around))
        }
        if not lasts:
            return False
        one = b"|".join(map(re.escape, sorted(lasts)))
        if re.search(rb"[./\"'](?:%b)(?![\w+-])|(?<![\w+-])(?:%b)(?:[/\"']|\.\w)" % (one, one), source):
            return True
        return any(not lasts.isdisjoint(_WORD.findall(each)) for each in _IMPORT.findall(source))


@lru_cache(maxsize=1)
def words_of(source: bytes) -> frozenset[bytes]:
    """Return the words in a source."""
    return frozenset(source.translate(_SPACES).split())


def words_in(name: str) -> list[str]:
    """Return the words of a module's or folder's name: whoever refers to it from elsewhere writes all of them."""
    return [word.decode() for word in _WORD.findall(name.encode())]


def _rest(parts: tuple[bytes, ...], around: list[bytes]) -> Iterator[bytes]:
    """Yield the words of a name, without those of the packages that the one who refers to it lies in as well."""
    start = 0
    while start < min(len(parts) - 1, len(around)) and parts[start] == around[start]:
        start += 1
    for part in parts[start:]:
        yield from _WORD.findall(part)


def _by_owner(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = defaultdict(list)
    for owner, suffix in pairs:
        found[owner].append(suffix)
    yield from found.items()


def _ending(suffixes: Iterable[str]) -> re.Pattern[bytes]:
    words = "|".join(re.escape(suffix.removeprefix(".")) for suffix in sorted(suffixes))
    return re.compile(rf"\.(?:{words})[\"']".encode())
