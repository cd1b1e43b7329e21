"""The facts that an app is given: by the context, and by `heavylift` in variables."""

from __future__ import annotations

from typing import Any

import pytest

from heavylift.cdk.errors import SettingsError
from heavylift.cdk.facts import Facts, read_context, read_facts

TOLD = {"HEAVYLIFT_ACCOUNT": "1234567890123456", "HEAVYLIFT_LOCAL_BUILD": "true"}


@pytest.mark.parametrize(
    ("context", "environment", "facts"),
    [
        ({}, {}, Facts()),
        ({}, TOLD, Facts(local_build=True)),
        ({"localBuild": False}, TOLD, Facts()),  # what the project says goes before
        ({"unchecked": "true", "memory": 512}, {}, Facts(unchecked=True)),
        (
            {"heavylift:python": "3.12", "heavylift:prune": "false", "heavylift:strip": "false"},
            {},
            Facts(python="3.12", prune=False, strip=False),
        ),
    ],
)
def test_facts_are_read(context: dict[str, Any], environment: dict[str, str], facts: Facts) -> None:
    assert read_facts(context.get, environment) == facts


def test_a_wrong_one_is_named() -> None:
    with pytest.raises(SettingsError, match="heavylift:prune: 'no' is neither true nor false"):
        read_facts({"heavylift:prune": "no"}.get, {})


def test_the_context_holds_what_heavylift_says_unless_the_project_says_otherwise() -> None:
    assert read_context({**TOLD, "CDK_CONTEXT_JSON": '{"memory": 512, "account": "1"}'}) == {
        "memory": 512,
        "account": "1",
        "localBuild": "true",
    }


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]"])
def test_a_context_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="CDK_CONTEXT_JSON: is no JSON"):
        read_context({"CDK_CONTEXT_JSON": text})
