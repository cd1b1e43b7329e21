"""Removes the files of an applib that are never read at run time. Rules come from prune.toml and from the user.

The rules of prune.toml say what may go, and yield to what the rest needs: a file that a kept module imports or names, or that a
start opened, stays. A rule of the user's own is the user's word: its files go, and a build that then cannot be imported fails.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

import tomllib

from heavylift.build.candidates import Candidates
from heavylift.build.errors import BuildError
from heavylift.build.files import walk
from heavylift.build.needed import Read, Referrers, find_needed, find_referrers

DEFAULT_RULES = Path(__file__).with_name("prune.toml")
_CACHE = "__pycache__/"  # what is in there follows its source


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Files that may be removed, and the reason."""

    name: str
    why: str
    globs: tuple[str, ...]
    keep: tuple[str, ...] = ()
    beside: str = ""  # ends the name of the file without which one stays, in place of its own suffix
    yields: bool = True  # to what the rest needs

    def matches(self, path: str, paths: Container[str]) -> bool:
        """Return whether the rule removes a file of those there are; paths are relative, with `/`."""
        return (
            bool(_any_of(self.globs).match(path))
            and not _any_of(self.keep).match(path)
            and (not self.beside or path.rpartition(".")[0] + self.beside in paths)
        )


@lru_cache
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern for some globs: paths by the ten thousand are matched against dozens of them."""
    return re.compile("|".join(map(translate, globs)) or r"(?!)")


def read_rules(files: Iterable[Path]) -> tuple[Rule, ...]:
    """Read rules; a later file's rule replaces an earlier one of the same name, and one without globs switches it off.

    Raises:
        BuildError: a file is not what prune.toml is; the message names the file and the rule.
    """
    rules: dict[str, Rule] = {}
    for file in files:
        try:
            record = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise BuildError(f"{file} cannot be read: {error}; {DEFAULT_RULES} shows how rules look") from error
        for name, fields in record.items():
            rules[name] = _read_rule(file, name, fields)
    return tuple(rule for rule in rules.values() if rule.globs)


def _read_rule(file: Path, name: str, fields: object) -> Rule:
    if not isinstance(fields, dict) or (unknown := sorted(fields.keys() - {"why", "globs", "keep", "beside"})):
        has = f", and has {', '.join(unknown)}" if isinstance(fields, dict) else ""
        raise BuildError(f"{file}: [{name}] must be a table of `why`, `globs`, `keep` and `beside`{has}")
    lists = {key: fields.get(key, []) for key in ("globs", "keep")}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BuildError(f"{file}: [{name}] {key} must be a list of globs")
    if not isinstance(beside := fields.get("beside", ""), str):
        raise BuildError(f"{file}: [{name}] beside must be a text")
    return Rule(
        name=name,
        why=str(fields.get("why", "")),
        globs=tuple(lists["globs"]),
        keep=tuple(lists["keep"]),
        beside=beside,
        yields=file == DEFAULT_RULES,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruning:
    """The result of pruning a folder."""

    removed: Mapping[str, str]  # paths, each with the rule that took it away
    spared: Sequence[str]  # paths that a rule matches and that stay, because they are needed


def match_rules(paths: Iterable[str], rules: Iterable[Rule]) -> dict[str, str]:
    """Return the paths that rules match, each with the first rule that does; the paths are of all files."""
    rules, paths = tuple(rules), tuple(paths)
    there = frozenset(paths)
    matched = ((path, next((rule.name for rule in rules if rule.matches(path, there)), None)) for path in paths)
    return {path: name for path, name in matched if name is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The files of a folder, before anything is removed.

    Attributes:
        forced: paths that go whoever needs them, each with its rule.
        matched: paths that go unless they are needed, each with its rule.
        candidates: the same, by the names that may refer to them.
    """

    forced: Mapping[str, str]
    matched: Mapping[str, str]
    candidates: Candidates


def survey(folder: Path, rules: Iterable[Rule], owners: Mapping[str, str] | None = None) -> Survey:
    """Match the files of a folder; see `survey_paths`."""
    return survey_paths((path for path, _ in walk(folder)), rules, owners)


def survey_paths(paths: Iterable[str], rules: Iterable[Rule], owners: Mapping[str, str] | None = None) -> Survey:
    """Match files.

    Args:
        paths: of all: what is missing needs nothing.
        rules: what may go. A rule that does not yield takes its files whoever needs them.
        owners: the distributions of the files, where their top folders do not tell.
    """
    rules, paths = tuple(rules), sorted(paths)
    forced = match_rules(paths, [rule for rule in rules if not rule.yields])
    left = [path for path in paths if path not in forced and _CACHE not in path]
    matched = match_rules(left, [rule for rule in rules if rule.yields])
    return Survey(forced=forced, matched=matched, candidates=Candidates(left, frozenset(matched), owners or {}))


def prune(folder: Path, found: Survey, referrers: Referrers | None = None, opened: Iterable[str] = ()) -> Pruning:
    """Remove the files that rules match, but for those that the rest needs, and the folders that are empty then.

    Args:
        folder: that was surveyed.
        found: its files.
        referrers: of those that stay; None: they are read here.
        opened: paths of files that a start opened.
    """

    def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    if referrers is None:
        referrers = find_referrers(found.candidates, found.candidates.staying, read)
    pruning = choose(found, referrers, read, opened)
    remove(folder, pruning.removed)
    return pruning


def choose(
    found: Survey, referrers: Referrers, read: Read, opened: Iterable[str] = (), known: Iterable[str] = ()
) -> Pruning:
    """Choose the files that go: those that rules match, but for those that the rest needs.

    Args:
        found: all files.
        referrers: of those that stay in any case.
        read: reads a file that stays though a rule matches it.
        opened: paths of files that a start opened.
        known: paths that stay, and whose own references were followed before.
    """
    needed = find_needed(found.candidates, referrers, read, opened, known)
    removed = {**found.forced, **{path: rule for path, rule in found.matched.items() if path not in needed}}
    return Pruning(removed=removed, spared=sorted(needed))


def remove(folder: Path, paths: Iterable[str]) -> None:
    """Remove files of a folder, and the folders that are empty then."""
    for path in paths:
        os.unlink(f"{folder}/{path}")  # noqa: PTH108 - of ten thousands of files; a Path for each takes as long again
    for place, _, _ in os.walk(folder, topdown=False):
        if place != str(folder) and not os.listdir(place):  # noqa: PTH208
            Path(place).rmdir()
