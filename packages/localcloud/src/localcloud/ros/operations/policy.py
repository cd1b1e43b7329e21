"""Stack policies: the changes that an update may make to which resources. Pure.

A stack without a policy lets everything be changed; with one, what no statement allows is denied, and a denial goes before.
Source: ROS, "Stack policy"; ROS API, "SetStackPolicy".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ros.errors import RosError

MAX_POLICY = 16_384  # bytes
_OPERATORS: dict[str, Callable[[str, str], bool]] = {"StringEquals": str.__eq__, "StringLike": wildcard_matches}
_KEYS = {"Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}


class Action(StrEnum):
    """A change of a resource by an update."""

    MODIFY = "Update:Modify"
    REPLACE = "Update:Replace"
    DELETE = "Update:Delete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement of a policy."""

    allows: bool
    actions: tuple[str, ...]
    names_actions: bool  # it is about these; otherwise about all others
    resources: tuple[str, ...]
    names_resources: bool
    types: tuple[tuple[str, tuple[str, ...]], ...]  # of its condition: an operator and patterns

    def is_about(self, action: Action, logical_id: str, kind: str) -> bool:
        """Return whether the statement speaks of a change of a resource."""
        resource = f"LogicalResourceId/{logical_id}"
        return (
            any(wildcard_matches(each, action) for each in self.actions) is self.names_actions
            and any(wildcard_matches(each, resource) for each in self.resources) is self.names_resources
            and all(any(_OPERATORS[operator](each, kind) for each in patterns) for operator, patterns in self.types)
        )


def read_policy(text: str) -> tuple[Statement, ...]:
    """Read a stack policy.

    Raises:
        RosError: it is not one; the message says what is wrong.
    """
    if not 0 < len(text.encode()) <= MAX_POLICY:
        raise _invalid(f"it must have 1 to {MAX_POLICY:,} bytes")
    try:
        document = read_json(text.encode())
    except ValueError as error:
        raise _invalid("it is not JSON") from error
    if (
        not isinstance(document, dict)
        or document.keys() != {"Statement"}
        or not isinstance(document["Statement"], list)
    ):
        raise _invalid("it must be an object with the list Statement")
    return tuple(_statement(each) for each in document["Statement"])


def is_allowed(policy: tuple[Statement, ...], action: Action, logical_id: str, kind: str) -> bool:
    """Return whether a policy lets a resource be changed.

    Args:
        policy: with at least one statement that allows something.
        action: the change.
        logical_id: of the resource.
        kind: its type.
    """
    found = [each.allows for each in policy if each.is_about(action, logical_id, kind)]
    return bool(found) and all(found)


def _statement(written: Any) -> Statement:  # noqa: ANN401 - JSON
    if not isinstance(written, dict) or written.keys() - _KEYS:
        raise _invalid(f"a statement has {', '.join(sorted(_KEYS))}")
    if written.get("Effect") not in {"Allow", "Deny"} or written.get("Principal") != "*":
        raise _invalid("Effect must be Allow or Deny, and Principal *")
    actions, names_actions = _one_of(written, "Action")
    resources, names_resources = _one_of(written, "Resource")
    for each in actions:
        if each not in {"Update:*", "*", *Action}:
            raise _invalid(f"there is no action {each}; there are {', '.join(Action)} and Update:*")
    for each in resources:
        if each != "*" and not each.startswith("LogicalResourceId/"):
            raise _invalid(f"{each}: a resource is LogicalResourceId/NAME or *")
    return Statement(
        allows=written["Effect"] == "Allow",
        actions=actions,
        names_actions=names_actions,
        resources=resources,
        names_resources=names_resources,
        types=_types(written.get("Condition", {})),
    )


def _one_of(written: dict[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    if (name in written) is (f"Not{name}" in written):
        raise _invalid(f"a statement has either {name} or Not{name}")
    return _texts(written.get(name, written.get(f"Not{name}")), name), name in written


def _types(condition: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(condition, dict):
        raise _invalid("Condition must be an object")
    found = []
    for operator, tests in condition.items():
        if operator not in _OPERATORS or not isinstance(tests, dict) or tests.keys() != {"ResourceType"}:
            raise _invalid("Condition: StringEquals or StringLike of ResourceType")
        found.append((operator, _texts(tests["ResourceType"], "ResourceType")))
    return tuple(found)


def _texts(value: object, name: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(each, str) for each in texts):
        raise _invalid(f"{name} must be a text or a list of texts")
    return tuple(texts)


def _invalid(why: str) -> RosError:
    return RosError("StackValidationFailed", f"The stack policy is not valid: {why}.")
