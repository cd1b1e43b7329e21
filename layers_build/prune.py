"""Prune: which files of an applib are never read at run time. Rules come from prune.toml and from the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import tomllib

from layers_build.errors import BuildError

DEFAULT_RULES = Path(__file__).with_name("prune.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Files that may go, and why."""

    name: str
    why: str
    globs: tuple[str, ...]
    keep: tuple[str, ...] = ()

    def matches(self, path: str) -> bool:
        """Say whether a file goes; the path is relative, with `/`."""
        return any(fnmatchcase(path, glob) for glob in self.globs) and not any(
            fnmatchcase(path, glob) for glob in self.keep
        )


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
    if not isinstance(fields, dict) or not fields.keys() <= {"why", "globs", "keep"}:
        raise BuildError(f"{file}: [{name}] must be a table of `why`, `globs` and `keep`")
    lists = {key: fields.get(key, []) for key in ("globs", "keep")}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BuildError(f"{file}: [{name}] {key} must be a list of globs")
    return Rule(name=name, why=str(fields.get("why", "")), globs=tuple(lists["globs"]), keep=tuple(lists["keep"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What a rule took away."""

    rule: str
    files: int
    bytes: int


def prune(folder: Path, rules: Iterable[Rule]) -> tuple[Pruned, ...]:
    """Remove the files that rules match, and the folders that are empty then."""
    taken: dict[str, list[int]] = {}
    rules = tuple(rules)
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        relative = path.relative_to(folder).as_posix()
        rule = next((rule for rule in rules if rule.matches(relative)), None)
        if rule:
            taken.setdefault(rule.name, []).append(path.lstat().st_size)
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    return tuple(Pruned(rule=name, files=len(sizes), bytes=sum(sizes)) for name, sizes in sorted(taken.items()))


def as_record(pruned: Iterable[Pruned]) -> list[Mapping[str, object]]:
    """Return what was pruned as the manifest holds it."""
    return [{"rule": each.rule, "files": each.files, "bytes": each.bytes} for each in pruned]
