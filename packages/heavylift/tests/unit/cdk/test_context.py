"""Settings of the context in an app of a user's own, and names that are nearly those of settings."""

from __future__ import annotations

import pytest

from heavylift.cdk.context import DEFAULTS, add_settings, misspelt
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


def test_the_bucket_of_pushed_archives_counts_in_any_app() -> None:
    found, problems = add_settings(DEFAULTS, {"artifactsBucket": "pushed-archives"})
    assert (found["artifacts_bucket"], problems) == ("pushed-archives", [])
    said = {**DEFAULTS, "artifacts_bucket": "another"}
    assert "the app says artifacts_bucket='another'" in add_settings(said, {"artifactsBucket": "pushed-archives"})[1][0]
