"""The conditions of policies: operators, and whether a condition holds in a request.

Source: RAM, "Conditional operators".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.kernel.wildcard import wildcard_matches


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One operator applied to one condition key: any of the values must match, or none for a negated operator."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, conditions: Mapping[str, str]) -> bool:
        """Return True if it holds; a key that the request has not, or not in the operator's form, matches no value (assumed)."""
        operator = OPERATORS[self.operator]
        return any(_matches(operator, _find(conditions, self.key), value) for value in self.values) != operator.negated


@dataclass(frozen=True, slots=True)
class Operator:
    """The way in which values of one operator are read and compared."""

    expected: Callable[[str], Any]  # parses a value of the policy; ValueError when it is none
    actual: Callable[[str], Any]  # parses a value of the request, likewise
    test: Callable[[Any, Any], bool]  # (actual, expected)
    negated: bool = False


def _find(conditions: Mapping[str, str], key: str) -> str | None:
    """Condition keys are compared without case (assumed)."""
    return next((value for name, value in conditions.items() if name.lower() == key.lower()), None)


def _matches(operator: Operator, actual: str | None, expected: str) -> bool:
    if actual is None:
        return False
    try:
        parsed = operator.actual(actual)
    except ValueError:  # the request has the key in another form: no value matches
        return False
    return operator.test(parsed, operator.expected(expected))


def _boolean(text: str) -> bool:
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise ValueError("expected true or false")
    return values[text.lower()]


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time with its zone, such as 2026-01-31T12:00:00Z")
    return moment


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _in_network(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return address in network


def _equal(actual: object, expected: object) -> bool:
    return actual == expected


def _like(actual: str, expected: str) -> bool:
    return wildcard_matches(expected, actual)


def _ordered(prefix: str, parse: Callable[[str], Any]) -> dict[str, Operator]:
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "LessThan": lambda actual, expected: actual < expected,
        "LessThanEquals": lambda actual, expected: actual <= expected,
        "GreaterThan": lambda actual, expected: actual > expected,
        "GreaterThanEquals": lambda actual, expected: actual >= expected,
    }
    return {
        f"{prefix}Equals": Operator(parse, parse, _equal),
        f"{prefix}NotEquals": Operator(parse, parse, _equal, negated=True),
        **{f"{prefix}{name}": Operator(parse, parse, test) for name, test in tests.items()},
    }


OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(str, str, _equal),
    "StringNotEquals": Operator(str, str, _equal, negated=True),
    "StringEqualsIgnoreCase": Operator(str.lower, str.lower, _equal),
    "StringNotEqualsIgnoreCase": Operator(str.lower, str.lower, _equal, negated=True),
    "StringLike": Operator(str, str, _like),
    "StringNotLike": Operator(str, str, _like, negated=True),
    **_ordered("Numeric", float),
    **_ordered("Date", _date),
    "Bool": Operator(_boolean, _boolean, _equal),
    "IpAddress": Operator(_network, ipaddress.ip_address, _in_network),
    "NotIpAddress": Operator(_network, ipaddress.ip_address, _in_network, negated=True),
}
