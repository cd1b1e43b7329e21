"""The index of a logstore, as far as a search asks it: which fields are searched, and how their texts become words.

Source: SLS API reference, "CreateIndex"; SLS, "Create indexes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from localcloud.sls.model import SOURCE, TAG, TOPIC

DELIMITERS = ", '\";=()[]{}?@&<>/:\n\t\r"  # of what comes with each log (SLS, "Create indexes": the default)
NUMBERS = ("long", "double")


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldRule:
    """The way in which a field is searched."""

    kind: str = "text"  # text, json, long or double
    delimiters: str = DELIMITERS
    case_sensitive: bool = False

    def fold(self, text: str) -> str:
        """Return a text so that it equals another one which differs in case, unless that counts."""
        return text if self.case_sensitive else text.casefold()

    def words(self, text: str) -> list[str]:
        """Return the words of a text that was folded."""
        return [word for word in _delimiter(self.delimiters).split(text) if word]


@lru_cache(maxsize=256)
def _delimiter(delimiters: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(delimiters)}]" if delimiters else "(?!)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a logstore's index says.

    Attributes:
        line: of fields that have no rule of their own; None: these are not searched.
        included: the only fields that `line` is for; empty: all of them.
        excluded: fields that it is not for.
        fields: the rules of single fields; those within JSON are `FIELD.NAME`.
    """

    line: FieldRule | None = None
    included: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    fields: Mapping[str, FieldRule] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Rules:
        """Return what an index says that SLS was given."""
        line = document.get("line")
        fields: dict[str, FieldRule] = {}
        for name, key in _members(document.get("keys")).items():
            fields[name] = _rule(key)
            for inner, each in _members(_members(key).get("json_keys")).items():
                fields[f"{name}.{inner}"] = _rule({**_members(key), **_members(each)})
        return cls(
            line=_rule(line) if isinstance(line, Mapping) else None,
            included=frozenset(_texts(_members(line).get("include_keys"))),
            excluded=frozenset(_texts(_members(line).get("exclude_keys"))),
            fields=fields,
        )

    def of_field(self, name: str) -> FieldRule | None:
        """Return the rule by which a field is searched under its name; None: it is not."""
        if rule := self.fields.get(name):
            return rule
        if name in (TOPIC, SOURCE) or name.startswith(f"{TAG}:"):
            return self.line or FieldRule()
        parent = self.fields.get(name.partition(".")[0])
        return replace(parent, kind="text") if parent and parent.kind == "json" else None

    def of_text(self, name: str) -> FieldRule | None:
        """Return the rule by which a field is searched when a query names none; None: it is not."""
        if rule := self.fields.get(name):
            return None if rule.kind in NUMBERS else rule
        if self.line is None or name in self.excluded or (self.included and name not in self.included):
            return None
        return self.line


def _rule(given: object) -> FieldRule:
    members = _members(given)
    kind = members.get("type")
    return FieldRule(
        kind=kind if kind in ("json", *NUMBERS) else "text",
        delimiters="".join(_texts(members.get("token"))),
        case_sensitive=members.get("caseSensitive") is True,
    )


def _members(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _texts(given: object) -> Sequence[str]:
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
