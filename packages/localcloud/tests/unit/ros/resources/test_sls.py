"""Log projects, log stores and indexes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.ros.resources.sls import adopt_records
from localcloud.sls.operations.service import SlsService
from tests.support.resource_types import Cloud, reason


def test_log_projects_are_kept_over_restarts_and_take_their_contents_along(cloud: Cloud, tmp_path: Path) -> None:
    assert cloud.create("SLS::Project", Name="logs", Description="of functions").attributes == {"Name": "logs"}
    cloud.create("SLS::Project", Name="logs-too")
    store = {"ProjectName": "logs", "LogstoreName": "functions"}
    assert cloud.create("SLS::Logstore", **store, TTL=7).attributes == store
    cloud.create("SLS::Index", **store, FullTextIndex={"Enable": True})
    again = Cloud(tmp_path / "again")
    again.sls = SlsService(tmp_path / "sls", clock=lambda: 0.0)
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


def test_an_update_keeps_what_the_type_has_not(cloud: Cloud) -> None:
    store = {"ProjectName": "logs", "LogstoreName": "functions"}
    cloud.create("SLS::Project", Name="logs")
    cloud.create("SLS::Logstore", **store, TTL=30)
    made = cloud.sls.logstore("logs", "functions").settings
    others = replace(made, hot_ttl=7, metering_mode="ChargeByDataIngest")
    cloud.sls.update_logstore("logs", "functions", others)
    cloud.update("SLS::Logstore", {**store, "TTL": 30}, {**store, "TTL": 60})
    assert cloud.sls.logstore("logs", "functions").settings == replace(others, ttl=60)


def test_keys_have_the_names_of_the_log_services_api(cloud: Cloud) -> None:
    store = {"ProjectName": "logs", "LogstoreName": "functions"}
    key = {"CmkKeyId": "key-1", "Arn": "acs:ram::1:role/r", "RegionId": "cn-hangzhou"}
    cloud.create("SLS::Project", Name="logs")
    encryption = {"Enable": True, "EncryptType": "default", "UserCmkInfo": key}
    cloud.create("SLS::Logstore", **store, EncryptConf=encryption)
    assert dict(cloud.sls.logstore("logs", "functions").settings.encrypt_conf or {})["user_cmk_info"] == {
        "cmk_key_id": "key-1",
        "arn": "acs:ram::1:role/r",
        "region_id": "cn-hangzhou",
    }
    inner = [{"Name": "level", "Type": "text", "EnableAnalytics": True}]
    indices = [{"Name": "line", "Type": "json", "JsonKeyIndices": inner}]
    cloud.create("SLS::Index", **store, FullTextIndex={"Enable": True}, KeyIndices=indices)
    document: dict[str, Any] = dict(cloud.sls.index("logs", "functions").document)
    assert document["keys"]["line"]["json_keys"] == {"level": {"type": "text", "alias": "", "doc_value": True}}


RECORDS = {  # as ROS kept them before SLS was a service
    "logs": {"Name": "logs", "Description": "of functions"},
    "logs/functions": {"ProjectName": "logs", "LogstoreName": "functions", "TTL": 7, "EnableTracking": True},
    "logs/functions/index": {
        "ProjectName": "logs",
        "LogstoreName": "functions",
        "FullTextIndex": {"Enable": True, "Delimiter": " ,"},
        "KeyIndices": [{"Name": "level", "Type": "text"}],
    },
}


def test_what_ros_recorded_of_sls_goes_over_to_sls(tmp_path: Path) -> None:
    (tmp_path / "sls.json").write_text(json.dumps(RECORDS))
    cloud = Cloud(tmp_path)
    assert not (tmp_path / "sls.json").exists()
    assert cloud.sls.project("logs").settings.description == "of functions"
    settings = cloud.sls.logstore("logs", "functions").settings
    assert (settings.ttl, settings.shard_count, settings.enable_tracking) == (7, 2, True)
    document: dict[str, Any] = dict(cloud.sls.index("logs", "functions").document)
    assert document["line"] == {"token": [" ", ","], "caseSensitive": False, "chn": False}
    assert list(document["keys"]) == ["level"]
    assert "".join(document["keys"]["level"]["token"]) == ", '\";=()[]{}?@&<>/:\n\t\r"  # the default of ros-cdk-sls


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_kill_while_records_go_over_to_sls_loses_nothing(tmp_path: Path, done: int) -> None:
    path, sls = tmp_path / "records.json", SlsService(tmp_path / "sls", clock=lambda: 0.0)
    for count in (done, len(RECORDS)):  # the first time, a kill came after `done` of them
        path.write_text(json.dumps(dict(list(RECORDS.items())[:count])))
        adopt_records(path, sls)
    assert sls.project("logs").settings.description == "of functions"
    assert [store.name for store in sls.logstores("logs")] == ["functions"]
    assert sls.index("logs", "functions").document["line"]


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "sls.json").write_text("{")  # those of ROS, before SLS was a service
    with pytest.raises(LocalCloudError, match="cannot be read"):
        Cloud(tmp_path)
