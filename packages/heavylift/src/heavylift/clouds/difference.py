"""Compares two templates, resource by resource and property by property. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from heavylift.clouds.documents import check_shape, too_deep
from heavylift.errors import HeavyliftError

RESOURCES = "Resources"
MISSING = object()  # None is a value
WIDTH = 120  # characters of a value that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One value that differs.

    Attributes:
        section: `Resources`, `Outputs`, …
        name: of the resource, output, parameter, …; empty when the section itself is one value.
        kind: a resource's type, else empty.
        path: where in it the value stands; empty: all of it.
        change: "add", "remove" or "modify".
        old: the value before; None when it is added.
        new: the value after; None when it is removed.
    """

    section: str
    name: str
    kind: str
    path: tuple[str, ...]
    change: str
    old: object
    new: object

    def record(self) -> dict[str, object]:
        """Return the change as `--json` prints it."""
        return {
            "event": "change",
            "change": self.change,
            "section": self.section,
            "name": self.name,
            "type": self.kind,
            "path": list(self.path),
            "old": self.old,
            "new": self.new,
        }


def parse_template(text: str) -> dict[str, Any]:
    """Parse a template, JSON or YAML.

    Raises:
        HeavyliftError: it is neither.
    """
    try:
        template = _parse(text)
    except RecursionError as error:
        raise too_deep("the template") from error
    if not isinstance(template, dict):
        raise HeavyliftError("the template is no mapping of sections such as Resources: deploy one that is")
    check_shape(template, "the template")
    plain: dict[str, Any] = _plain(template)
    return plain


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-01
            raise HeavyliftError(f"the template is neither JSON nor YAML: {error}") from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - what JSON can hold
    """Return a value of YAML as one of JSON: dates, binary data and keys that are no strings become text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the changes that make `new` of `old`, in a fixed order.

    Args:
        old: the deployed template; empty when nothing is deployed.
        new: the template to come.
    """
    return tuple(
        change for section in _keys(old, new) for change in _section(section, old.get(section), new.get(section))
    )


def _section(section: str, old: object, new: object) -> Iterator[Change]:
    if not isinstance(old or {}, dict) or not isinstance(new or {}, dict):
        yield from _values(section, "", "", (), MISSING if old is None else old, MISSING if new is None else new)
        return
    before, after = _mapping(old), _mapping(new)
    for name in _keys(before, after):
        first, second = before.get(name, MISSING), after.get(name, MISSING)
        if section == RESOURCES and _type(first) != _type(second) and MISSING not in (first, second):
            # Another type is another resource.
            yield from _values(section, name, _type(first), (), first, MISSING)
            first = MISSING
        kind = _type(second if second is not MISSING else first) if section == RESOURCES else ""
        yield from _values(section, name, kind, (), first, second)


def _values(section: str, name: str, kind: str, path: tuple[str, ...], old: object, new: object) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in _keys(old, new):
            yield from _values(section, name, kind, (*path, key), old.get(key, MISSING), new.get(key, MISSING))
        return
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (first, second) in enumerate(zip(old, new, strict=True)):
            yield from _values(section, name, kind, (*path, str(index)), first, second)
        return
    if old == new and type(old) is type(new):
        return
    change = "add" if old is MISSING else "remove" if new is MISSING else "modify"
    yield Change(
        section=section,
        name=name,
        kind=kind,
        path=path,
        change=change,
        old=None if old is MISSING else old,
        new=None if new is MISSING else new,
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _keys(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return sorted({*old, *new}, key=str)


def _type(resource: object) -> str:
    return str(resource.get("Type", "")) if isinstance(resource, dict) else ""


SIGNS = {"add": "+", "remove": "-", "modify": "~"}


def render(changes: tuple[Change, ...]) -> list[str]:
    """Return the changes as lines for people: a headline for each resource or output, its values below."""
    lines = []
    headline = ("", "", "")
    for change in changes:
        whole = not change.path
        sign = SIGNS[change.change] if whole else "~"
        about = (change.section, change.name, sign)
        if about != headline:
            headline = about
            kind = f"  {change.kind}" if change.kind else ""
            title = f"{change.section} / {change.name}" if change.name else change.section
            lines.append(f"[{sign}] {title}{kind}")
        if not whole:
            lines.append(f"    {SIGNS[change.change]} {'.'.join(change.path)}: {_both(change)}")
        elif change.section != RESOURCES:
            lines.append(f"    {_both(change)}")
    return lines


def _both(change: Change) -> str:
    values = {"add": (change.new,), "remove": (change.old,), "modify": (change.old, change.new)}[change.change]
    return " -> ".join(_short(value) for value in values)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
