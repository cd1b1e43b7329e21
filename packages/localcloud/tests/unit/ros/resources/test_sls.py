"""Log projects, log stores and indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.kernel.errors import LocalCloudError
from tests.support.resource_types import Cloud, reason


def test_log_projects_are_kept_over_restarts_and_take_their_contents_along(cloud: Cloud, tmp_path: Path) -> None:
    assert cloud.create("SLS::Project", Name="logs", Description="of functions").attributes == {"Name": "logs"}
    cloud.create("SLS::Project", Name="logs-too")
    store = {"ProjectName": "logs", "LogstoreName": "functions"}
    assert cloud.create("SLS::Logstore", **store, TTL=7).attributes == store
    cloud.create("SLS::Index", **store, FullTextIndex={"Enable": True})
    again = Cloud(tmp_path / "again")
    again.types = again.resource_types(tmp_path)
    again.delete("SLS::Project", Name="logs")
    assert [again.exists("SLS::Logstore", "logs/functions"), again.exists("SLS::Index", "logs/functions/index")] == [
        False
    ] * 2
    assert again.exists("SLS::Project", "logs-too")


def test_a_log_store_with_a_bad_name_is_refused_before_anything_is_made(cloud: Cloud) -> None:
    assert reason(cloud.create, "SLS::Project", Name="Logs").startswith("Property Name: 'Logs' is not valid")
    assert reason(cloud.create, "SLS::Logstore", ProjectName="logs", LogstoreName="a/b").startswith(
        "Property LogstoreName"
    )


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "sls.json").write_text("{")
    with pytest.raises(LocalCloudError, match="cannot be read"):
        Cloud(tmp_path)
