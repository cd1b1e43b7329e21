"""RAM policies: parsed strictly, evaluated purely.

A document becomes frozen statements, or a `MalformedPolicyError` that names the path to the field. Nothing here knows
roles, files or clocks: the time is a condition key like any other. Only what RAM documents is taken; an unknown element
or operator is refused, because a condition that is not understood must not widen a permission.

Evaluation: a matching Deny wins; else a matching Allow allows; else the request is denied.

Sources: RAM, "Policy structure and syntax", "Basic elements", "Policy evaluation process".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ram.conditions import OPERATORS, Condition

VERSION = "1"
MAX_DOCUMENT = 6144  # characters (RAM, "Limits")


class MalformedPolicyError(Exception):
    """A document that is not a policy; the message names the element and what was expected there."""


class Effect(Enum):
    """The effect of a statement that matches."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request to decide."""

    action: str  # oss:GetObject
    resource: str  # acs:oss:REGION:ACCOUNT:BUCKET/KEY
    conditions: Mapping[str, str]  # condition keys and their values


@dataclass(frozen=True, kw_only=True, slots=True)
class Patterns:
    """Values with wildcards, of `Action` (any must match) or of `NotAction` (none may match); likewise for resources."""

    values: tuple[str, ...]
    negated: bool

    def match(self, test: Callable[[str], bool]) -> bool:
        """Return True if the element holds, given the test of one value."""
        return any(map(test, self.values)) != self.negated


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of an identity's policy."""

    effect: Effect
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...]

    def matches(self, request: Request) -> bool:
        """Return True if the statement speaks of this request."""
        return (
            self.actions.match(lambda pattern: action_matches(pattern, request.action))
            and self.resources.match(lambda pattern: resource_matches(pattern, request.resource))
            and all(condition.holds(request.conditions) for condition in self.conditions)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustStatement:
    """One statement of a role's trust policy."""

    effect: Effect
    actions: Patterns
    principals: frozenset[tuple[str, str]]  # ("Service", "fc.aliyuncs.com"), ("RAM", "acs:ram::ACCOUNT:root")
    conditions: tuple[Condition, ...]


def is_allowed(statements: Iterable[Statement], request: Request) -> bool:
    """Decide a request by all statements that apply to the identity."""
    effects = {statement.effect for statement in statements if statement.matches(request)}
    return Effect.ALLOW in effects and Effect.DENY not in effects


def is_denied(statements: Iterable[Statement], request: Request) -> bool:
    """Return True if a statement denies a request, whatever others say."""
    return any(statement.effect is Effect.DENY and statement.matches(request) for statement in statements)


def is_trusted(
    statements: Iterable[TrustStatement], principals: Iterable[tuple[str, str]], conditions: Mapping[str, str]
) -> bool:
    """Return True if a role's trust policy lets one of the principals assume the role.

    Args:
        statements: the trust policy.
        principals: the names that the caller answers to, `("RAM", "acs:ram::ACCOUNT:root")`.
        conditions: condition keys and their values.
    """
    names = set(principals)
    effects = {
        statement.effect
        for statement in statements
        if statement.actions.match(lambda pattern: action_matches(pattern, "sts:AssumeRole"))
        and names & statement.principals
        and all(condition.holds(conditions) for condition in statement.conditions)
    }
    return Effect.ALLOW in effects and Effect.DENY not in effects


def action_matches(pattern: str, action: str) -> bool:
    """Match an action, whose case does not matter."""
    return wildcard_matches(pattern.lower(), action.lower())


def resource_matches(pattern: str, resource: str) -> bool:
    """Match a resource field by field, so that a wildcard in one field never reaches into the next.

    A pattern of fewer fields, such as `*`, is matched as one text (assumed).
    """
    patterns, fields = pattern.split(":", 4), resource.split(":", 4)
    if len(patterns) != len(fields):
        return len(patterns) < len(fields) and wildcard_matches(pattern, resource)
    return all(map(wildcard_matches, patterns, fields))


@lru_cache(maxsize=1024)
def parse_policy(document: str) -> tuple[Statement, ...]:
    """Parse the policy of an identity or a session.

    Raises:
        MalformedPolicyError: it is not one.
    """
    return tuple(
        Statement(
            effect=_effect(value, path),
            actions=_actions(value, path),
            resources=_patterns(value, path, "Resource"),
            conditions=_conditions(value, path),
        )
        for path, value in _statements(
            document, {"Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
        )
    )


@lru_cache(maxsize=1024)
def parse_trust_policy(document: str) -> tuple[TrustStatement, ...]:
    """Parse the trust policy of a role.

    Raises:
        MalformedPolicyError: it is not one.
    """
    return tuple(
        TrustStatement(
            effect=_effect(value, path),
            actions=_actions(value, path),
            principals=_principals(value, path),
            conditions=_conditions(value, path),
        )
        for path, value in _statements(document, {"Effect", "Action", "Principal", "Condition"})
    )


def _statements(document: str, known: set[str]) -> list[tuple[str, dict[str, Any]]]:
    try:
        policy = read_json(document)
    except ValueError as error:
        raise MalformedPolicyError(f"the document is not JSON: {error}") from error
    if not isinstance(policy, dict):
        raise MalformedPolicyError("the document must be an object with Version and Statement")
    _only(policy, {"Version", "Statement"}, "the document")
    if policy.get("Version") != VERSION:
        raise MalformedPolicyError(f'Version must be "{VERSION}", not {json.dumps(policy.get("Version"))}')
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicyError("Statement must be a list of at least one statement")
    result = []
    for number, statement in enumerate(statements):
        path = f"Statement[{number}]"
        if not isinstance(statement, dict):
            raise MalformedPolicyError(f"{path} must be an object")
        _only(statement, known, path)
        result.append((path, statement))
    return result


def _only(value: dict[str, Any], known: set[str], path: str) -> None:
    if unknown := sorted(set(value) - known):
        raise MalformedPolicyError(
            f"{path} has unknown elements {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )


def _effect(statement: dict[str, Any], path: str) -> Effect:
    try:
        return Effect(statement.get("Effect"))
    except ValueError as error:
        raise MalformedPolicyError(f'{path}.Effect must be "Allow" or "Deny"') from error


def _patterns(statement: dict[str, Any], path: str, name: str) -> Patterns:
    given = [element for element in (name, f"Not{name}") if element in statement]
    if len(given) != 1:
        raise MalformedPolicyError(f"{path} must have either {name} or Not{name}")
    return Patterns(values=_texts(statement[given[0]], f"{path}.{given[0]}"), negated=given[0] != name)


def _actions(statement: dict[str, Any], path: str) -> Patterns:
    actions = _patterns(statement, path, "Action")
    for action in actions.values:
        if action != "*" and (":" not in action or action.startswith(":") or action.endswith(":")):
            raise MalformedPolicyError(f"{path}: {action!r} is no action; expected SERVICE:ACTION or *")
    return actions


def _principals(statement: dict[str, Any], path: str) -> frozenset[tuple[str, str]]:
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or not principal:
        raise MalformedPolicyError(f"{path}.Principal must be an object with Service or RAM")
    if "Federated" in principal:
        raise MalformedPolicyError(f"not implemented: {path}.Principal.Federated")
    _only(principal, {"Service", "RAM"}, f"{path}.Principal")
    return frozenset(
        (kind, name) for kind, names in principal.items() for name in _texts(names, f"{path}.Principal.{kind}")
    )


def _texts(value: object, path: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one for one in values):
        raise MalformedPolicyError(f"{path} must be a text or a list of at least one text")
    return tuple(values)


def _conditions(statement: dict[str, Any], path: str) -> tuple[Condition, ...]:
    block = statement.get("Condition", {})
    if not isinstance(block, dict):
        raise MalformedPolicyError(f"{path}.Condition must be an object of operators")
    return tuple(
        _condition(operator, key, value, f"{path}.Condition.{operator}")
        for operator, keys in block.items()
        for key, value in _keys(keys, f"{path}.Condition.{operator}")
    )


def _keys(keys: object, path: str) -> list[tuple[str, object]]:
    if not isinstance(keys, dict) or not keys:
        raise MalformedPolicyError(f"{path} must be an object of at least one condition key")
    return list(keys.items())


def _condition(operator: str, key: str, value: object, path: str) -> Condition:
    if operator not in OPERATORS:
        raise MalformedPolicyError(f"{path}: unknown operator; known are {', '.join(sorted(OPERATORS))}")
    values = _texts(_as_texts(value), f"{path}.{key}")
    for one in values:
        try:
            OPERATORS[operator].expected(one)
        except ValueError as error:
            raise MalformedPolicyError(f"{path}.{key}: {one!r} does not suit the operator: {error}") from error
    return Condition(operator=operator, key=key, values=values)


def _as_texts(value: object) -> object:
    """Documents write numbers and booleans also without quotes."""
    if isinstance(value, list):
        return [_as_texts(one) for one in value]
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value
