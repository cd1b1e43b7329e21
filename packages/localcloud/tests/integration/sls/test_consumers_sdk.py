"""Consumer groups and shards through the official Python SDK: workers share shards, and take over from each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aliyun.log import LogClient, LogItem, PutLogsRequest
from aliyun.log.auth import AUTH_VERSION_4
from aliyun.log.consumer import ConsumerProcessorBase, ConsumerWorker, CursorPosition, LogHubConfig

from tests.support.roles import assume_role
from tests.support.sls import client_of, refusal
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
STORE, GROUP = "functions", "group"
QUARTER = "4" + "0" * 31


@pytest.fixture
def project(client: LogClient, project: str) -> str:
    client.create_logstore(project, STORE, shard_count=2)
    return project


def put(client: LogClient, project: str, *numbers: int) -> None:
    for number in numbers:
        client.put_logs(PutLogsRequest(project, STORE, "", "", [LogItem(contents=[("number", str(number))])]))


class Processor(ConsumerProcessorBase):  # type: ignore[misc]  # the SDK has no types
    """Notes what it reads, and its place."""

    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self.seen = seen

    def process(self, log_groups: Any, check_point_tracker: Any) -> None:
        self.seen += [
            int(content.Value)
            for group in log_groups.LogGroups
            for log in group.Logs
            for content in log.Contents
            if content.Key == "number"
        ]
        self.save_checkpoint(check_point_tracker, force=True)


class Worker:
    """A worker of the SDK, and what it has read."""

    def __init__(self, cloud: Running, project: str, name: str) -> None:
        self.seen: list[int] = []
        config = LogHubConfig(
            *(f"http://{cloud.region}.log.aliyuncs.com", cloud.key.id, cloud.key.secret, project, STORE, GROUP, name),
            cursor_position=CursorPosition.BEGIN_CURSOR,
            heartbeat_interval=1,
            data_fetch_interval=0.1,
            in_order=True,
        )
        self.worker = ConsumerWorker(Processor, config, args=(self.seen,))
        self.worker.start()

    @property
    def held(self) -> list[int]:
        return sorted(self.worker.heart_beat.get_held_shards())

    def stop(self) -> None:
        self.worker.shutdown()
        self.worker.join(30)


@pytest.fixture
def start(cloud: Running, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Worker]]:
    monkeypatch.setenv("http_proxy", cloud.endpoints["gateway"])  # the workers have clients of their own
    workers: list[Worker] = []

    def begin(name: str) -> Worker:
        workers.append(Worker(cloud, project, name))
        return workers[-1]

    yield begin
    for stopping in [threading.Thread(target=worker.stop) for worker in workers]:
        stopping.start()
        stopping.join()


@pytest.mark.parametrize("client", [AUTH_VERSION_4], indirect=True)
def test_workers_share_the_shards_and_take_over_where_one_has_ended(
    client: LogClient, project: str, start: Callable[[str], Worker]
) -> None:
    put(client, project, *range(10))
    first = start("first")
    wait_for(lambda: sorted(first.seen) == [*range(10)])
    second = start("second")
    wait_for(lambda: (first.held, second.held) == ([0], [1]))
    put(client, project, *range(10, 20))
    wait_for(lambda: sorted(first.seen + second.seen) == [*range(20)])
    assert len(second.seen) == 5
    second.stop()
    wait_for(lambda: first.held == [0, 1])
    put(client, project, *range(20, 30))
    wait_for(lambda: len(first.seen) == 25)
    client.split_shard(project, STORE, 0, QUARTER)
    put(client, project, *range(30, 40))
    wait_for(lambda: sorted(first.seen + second.seen) == [*range(40)])
    assert first.held == [0, 1, 2, 3]
    ends = {shard: client.get_end_cursor(project, STORE, shard).get_cursor() for shard in range(4)}

    def places() -> dict[int, str]:
        noted = client.get_check_point(project, STORE, GROUP).get_consumer_group_check_points()
        return {each["shard"]: each["checkpoint"] for each in noted}

    wait_for(lambda: places() == ends)


def test_a_consumer_group_is_made_told_changed_and_deleted(client: LogClient, project: str) -> None:
    assert client.list_consumer_group(project, STORE).get_count() == 0
    client.create_consumer_group(project, STORE, GROUP, 30, in_order=True)
    exists = refusal(client.create_consumer_group, project, STORE, GROUP, 30)
    assert (exists.get_error_code(), exists.resp_status) == ("ConsumerGroupAlreadyExist", 400)
    client.update_consumer_group(project, STORE, GROUP, timeout=60)
    (group,) = client.list_consumer_group(project, STORE).get_consumer_groups()
    assert (group.get_consumer_group_name(), group.get_timeout(), group.is_in_order()) == (GROUP, 60, True)
    assert client.heart_beat(project, STORE, GROUP, "one", []).get_shards() == [0, 1]
    cursor = client.get_end_cursor(project, STORE, 1).get_cursor()
    client.update_check_point(project, STORE, GROUP, 1, cursor, "one", force_success=False)
    (noted,) = client.get_check_point(project, STORE, GROUP, 1).get_consumer_group_check_points()
    assert noted["checkpoint"] == cursor
    assert (noted["shard"], noted["consumer"]) == (1, "one")
    assert abs(noted["updateTime"] / 1_000_000 - time.time()) < 60
    client.delete_consumer_group(project, STORE, GROUP)
    gone = refusal(client.get_check_point, project, STORE, GROUP)
    assert (gone.get_error_code(), gone.resp_status) == ("ConsumerGroupNotExist", 404)


def test_shards_are_split_and_merged(client: LogClient, project: str) -> None:
    split = client.split_shard(project, STORE, 0, QUARTER).get_shards_info()
    assert [(each["shardID"], each["status"]) for each in split] == [
        (0, "readonly"),
        (2, "readwrite"),
        (3, "readwrite"),
    ]
    assert [(each["inclusiveBeginKey"], each["exclusiveEndKey"]) for each in split[1:]] == [
        ("0" * 32, QUARTER),
        (QUARTER, "8" + "0" * 31),
    ]
    assert client.get_logstore(project, STORE).get_shard_count() == 3
    merged = client.merge_shard(project, STORE, 3).get_shards_info()
    assert [(each["shardID"], each["status"]) for each in merged] == [
        (4, "readwrite"),
        (3, "readonly"),
        (1, "readonly"),
    ]
    assert merged[0]["exclusiveEndKey"] == "f" * 32
    assert len(client.list_shards(project, STORE).get_shards_info()) == 5
    client.update_logstore(project, STORE, shard_count=9, ttl=3)
    assert client.get_logstore(project, STORE).get_shard_count() == 2
    for call, words in (
        (lambda: client.split_shard(project, STORE, 0, QUARTER), "invalid shard id"),
        (lambda: client.split_shard(project, STORE, 2, QUARTER), "invalid mid hash"),
        (lambda: client.split_shard(project, STORE, 2, "no key"), "no hash key"),
        (lambda: client.merge_shard(project, STORE, 4), "invalid shard id"),
    ):
        error = refusal(call)
        assert error.get_error_code() == "ParameterInvalid"
        assert words in error.get_error_message()


@pytest.mark.parametrize(
    ("action", "part", "call"),
    [
        ("CreateConsumerGroup", "*", lambda client, project: client.create_consumer_group(project, STORE, "more", 9)),
        ("ListConsumerGroup", "*", lambda client, project: client.list_consumer_group(project, STORE)),
        ("UpdateConsumerGroup", GROUP, lambda client, project: client.update_consumer_group(project, STORE, GROUP, 9)),
        ("ConsumerGroupHeartBeat", GROUP, lambda client, project: client.heart_beat(project, STORE, GROUP, "c", [])),
        ("GetConsumerGroupCheckPoint", GROUP, lambda client, project: client.get_check_point(project, STORE, GROUP)),
        (
            "ConsumerGroupUpdateCheckPoint",
            GROUP,
            lambda client, project: client.update_check_point(project, STORE, GROUP, 0, "MQ=="),
        ),
        ("DeleteConsumerGroup", GROUP, lambda client, project: client.delete_consumer_group(project, STORE, GROUP)),
        ("SplitShard", "", lambda client, project: client.split_shard(project, STORE, 0, QUARTER)),
        ("MergeShard", "", lambda client, project: client.merge_shard(project, STORE, 0)),
    ],
)
@pytest.mark.parametrize("client", [AUTH_VERSION_4], indirect=True)
def test_each_operation_needs_its_right(
    cloud: Running,
    client: LogClient,
    project: str,
    action: str,
    part: str,
    call: Callable[[LogClient, str], object],
) -> None:
    client.create_consumer_group(project, STORE, GROUP, 30)
    resource = f"acs:log:*:*:project/{project}/logstore/{STORE}" + (f"/consumergroup/{part}" if part else "")
    allow = {"Effect": "Allow", "Action": [f"log:{action}"], "Resource": [resource]}
    deny = {"Effect": "Deny", "Action": [f"log:{action}"], "Resource": ["*"]}
    every = {"Effect": "Allow", "Action": ["log:*"], "Resource": ["*"]}
    error = refusal(call, client_of(cloud, key=assume_role(cloud, every, deny)), project)
    assert (error.get_error_code(), error.resp_status) == ("Unauthorized", 401)
    assert f"action: log:{action}, resource: " in error.get_error_message()
    call(client_of(cloud, key=assume_role(cloud, allow)), project)
