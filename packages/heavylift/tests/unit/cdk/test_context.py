"""Names of the context that are nearly those of settings."""

from __future__ import annotations

import pytest

from heavylift.cdk.context import misspelt
from heavylift.cdk.settings import SETTINGS


@pytest.mark.parametrize(
    ("name", "meant"),
    [("memry", "memory"), ("loadmode", "loadMode"), ("minInstances", "minimumInstances"), ("time", None)],
)
def test_a_name_that_is_nearly_a_setting_is_told(name: str, meant: str | None) -> None:
    told = misspelt({name: "1"}, SETTINGS)
    assert [each.partition("? ")[0] for each in told] == (
        [f"{name}: no setting has this name, did you mean {meant}"] if meant else []
    )


def test_settings_and_what_is_an_apps_own_are_not_told() -> None:
    own = {"memory": 1, "environment": "test", "stackName": "s", "owner": "me", "aws-cdk:enableDiffNoFail": True}
    assert misspelt(own, SETTINGS) == []
