"""SLS through the official SDK that is generated from its API, alibabacloud_sls20201230, with both of its signatures."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_sls20201230 import models
from alibabacloud_sls20201230.client import Client

from tests.support.sls import generated_client_of

Running = Any  # the running cloud of tests/support/cloud.py
STORE = "functions"


@pytest.fixture(params=["v1", "v4"])
def client(cloud: Running, request: pytest.FixtureRequest) -> Client:
    return generated_client_of(cloud, version=request.param)


@pytest.fixture
def project(client: Client) -> Iterator[str]:
    name = "openapi-" + uuid.uuid4().hex[:12]
    client.create_project(models.CreateProjectRequest(project_name=name, description="of tests"))
    client.create_log_store(name, models.CreateLogStoreRequest(logstore_name=STORE, shard_count=1, ttl=7))
    line = models.IndexLine(token=[" "], case_sensitive=False)
    client.create_index(name, STORE, models.CreateIndexRequest(body=models.Index(line=line)))
    yield name
    client.delete_project(name, models.DeleteProjectRequest())


def put(client: Client, project: str, *texts: str, at: int) -> None:
    items = [models.LogItem(time=at, contents=[models.LogContent(key="message", value=text)]) for text in texts]
    tags = [models.LogTag(key="host", value="one")]
    group = models.LogGroup(topic="web", source="192.0.2.7", log_items=items, log_tags=tags)
    client.put_logs(project, STORE, models.PutLogsRequest(body=group))


def test_what_is_put_is_found_and_counted(client: Client, project: str) -> None:
    now = int(time.time())
    put(client, project, "first ü", "second", at=now)
    span = {"from_": now - 5, "to": now + 5}
    found = client.get_logs_v2(
        project, STORE, models.GetLogsV2Request(**span, query="first or second", reverse=True)
    ).body
    assert [log["message"] for log in found.data] == ["second", "first ü"]
    assert found.data[0]["__tag__:host"] == "one"
    assert (found.meta.count, found.meta.progress) == (2, "Complete")
    older = client.get_logs(project, STORE, models.GetLogsRequest(**span, query="first", line=1))
    assert [log["message"] for log in older.body.data] == ["first ü"]
    counted = client.get_histograms(project, STORE, models.GetHistogramsRequest(**span, query="first or second"))
    assert sum(each.count for each in counted.body) == 2


def test_shards_and_cursors_are_told(client: Client, project: str) -> None:
    now = int(time.time())
    (shard,) = client.list_shards(project, STORE).body
    assert (shard.shard_id, shard.status) == (0, "readwrite")
    begin = client.get_cursor(project, STORE, "0", models.GetCursorRequest(from_="begin")).body.cursor
    put(client, project, "a", at=now)
    end = client.get_cursor(project, STORE, "0", models.GetCursorRequest(from_="end")).body.cursor
    assert begin != end
    told = client.get_cursor_time(project, STORE, "0", models.GetCursorTimeRequest(cursor=begin)).body
    assert int(told.cursor_time) >= now


def test_logstores_and_indexes_are_kept(client: Client, project: str) -> None:
    assert client.get_log_store(project, STORE).body.ttl == 7
    assert client.get_index(project, STORE).body.line.token == [" "]
    assert client.list_log_stores(project, models.ListLogStoresRequest()).body.logstores == [STORE]


def test_errors_have_their_codes(client: Client, project: str) -> None:
    with pytest.raises(Exception, match="LogStoreNotExist") as caught:
        client.get_logs_v2(project, "absent", models.GetLogsV2Request(from_=1, to=2))
    error: Any = caught.value
    assert error.code == "LogStoreNotExist"


def test_consumers_share_shards_that_are_split_and_merged(client: Client, project: str) -> None:
    body = models.CreateConsumerGroupRequest(consumer_group="group", timeout=30, order=False)
    client.create_consumer_group(project, STORE, body)
    (group,) = client.list_consumer_group(project, STORE).body
    assert (group.name, group.timeout, group.order) == ("group", 30, False)
    client.update_consumer_group(project, STORE, "group", models.UpdateConsumerGroupRequest(timeout=40, order=True))
    beat = models.ConsumerGroupHeartBeatRequest(consumer="one", body=[])
    assert client.consumer_group_heart_beat(project, STORE, "group", beat).body == [0]
    place = models.ConsumerGroupUpdateCheckPointRequest(consumer="one", shard=0, checkpoint="MQ==", force_success=False)
    client.consumer_group_update_check_point(project, STORE, "group", place)
    (noted,) = client.get_check_point(project, STORE, "group", models.GetCheckPointRequest(shard=0)).body
    assert (noted.shard, noted.checkpoint, noted.consumer) == (0, "MQ==", "one")
    split = client.split_shard(project, STORE, "0", models.SplitShardRequest(shard_count=3)).body
    assert [each.shard_id for each in split] == [0, 1, 2, 3]
    assert client.merge_shard(project, STORE, "1").body[0].shard_id == 4
    client.delete_consumer_group(project, STORE, "group")


def test_tags_are_told_and_removed_as_they_are_asked_for(client: Client, project: str) -> None:
    tags = [models.TagResourcesRequestTags(key=key, value=value) for key, value in (("a", "1"), ("b", "2"))]
    resource = {"resource_type": "logstore", "resource_id": [f"{project}#{STORE}"]}
    client.tag_resources(models.TagResourcesRequest(**resource, tags=tags))
    wanted = [models.ListTagResourcesRequestTags(key="b", value="2")]
    asked = models.ListTagResourcesRequest(**resource, tags=wanted)
    (told,) = client.list_tag_resources(asked).body.tag_resources
    assert (told.tag_key, told.tag_value, told.resource_id) == ("b", "2", f"{project}#{STORE}")
    client.untag_resources(models.UntagResourcesRequest(**resource, all=True))
    assert client.list_tag_resources(models.ListTagResourcesRequest(**resource)).body.tag_resources == []
