"""What an update of a trigger leaves as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.fc.api.triggers import read_trigger
from localcloud.fc.model import Trigger

FILTER = {"key": {"prefix": "incoming/", "suffix": ".jpg"}}
BEFORE: Mapping[str, Mapping[str, Any]] = {
    "oss": {"events": ["oss:ObjectCreated:PostObject"], "filter": FILTER},
    "log": {"sourceConfig": {"logstore": "l"}, "enable": True},
    "timer": {"cronExpression": "@every 1m", "payload": "p"},
}


def updated(kind: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    before = Trigger(function="f", name="t", kind=kind, config=BEFORE[kind])
    return read_trigger({"triggerConfig": json.dumps(given)}, function="f", before=before).config


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("oss", {"events": ["oss:ObjectCreated:*"]}, {"events": ["oss:ObjectCreated:*"], "filter": FILTER}),
        ("oss", {"events": ["oss:ObjectCreated:*"], "filter": None}, {"events": ["oss:ObjectCreated:*"], "filter": FILTER}),
        ("oss", {"filter": {}}, {"events": ["oss:ObjectCreated:PostObject"], "filter": {}}),
        ("log", {"enable": False, "sourceConfig": None}, {"sourceConfig": {"logstore": "l"}, "enable": False}),
        ("timer", {"cronExpression": "@every 2m"}, {"cronExpression": "@every 2m"}),
    ],
)  # fmt: skip
def test_what_an_update_does_not_give_stays_where_the_sdks_count_on_it(
    kind: str, given: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    assert updated(kind, given) == expected
