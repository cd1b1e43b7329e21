"""Logs through the official Python SDK: put, searched, counted and pulled; what is malformed or not allowed is refused."""

from __future__ import annotations

import json
import signal
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lz4.block
import pytest
from aliyun.log import (
    GetHistogramsRequest,
    IndexConfig,
    IndexKeyConfig,
    IndexLineConfig,
    LogClient,
    LogException,
    LogItem,
    PutLogsRequest,
)
from aliyun.log.log_logs_pb2 import LogGroup

from tests.support.roles import assume_role
from tests.support.sls import client_of, refusal

Running = Any  # the running cloud of tests/support/cloud.py
STORE = "functions"
TOKENS = [*", '\";=()[]{}?@&<>/:\n\t\r"]
INDEX = IndexConfig(
    line_config=IndexLineConfig(token_list=TOKENS),
    key_config_list={
        "status": IndexKeyConfig(index_type="long"),
        "path": IndexKeyConfig(token_list=["/"], case_sensitive=True),
    },
)


@pytest.fixture
def project(client: LogClient, project: str) -> str:
    client.create_logstore(project, STORE, shard_count=2)
    client.create_index(project, STORE, INDEX)
    return project


def put(client: LogClient, project: str, *logs: Mapping[str, str], at: int, **given: Any) -> None:
    items = [LogItem(at, [*log.items()]) for log in logs]
    for item in items:
        item.time_nano_part = 0  # the SDK takes the clock's for what is not given
    client.put_logs(PutLogsRequest(project, STORE, given.pop("topic", ""), "192.0.2.7", items, **given))


@pytest.mark.parametrize("second_version", [True, False])
@pytest.mark.parametrize("compress", ["lz4", "zstd", None])
def test_what_is_put_is_found(client: LogClient, project: str, second_version: bool, compress: str | None) -> None:
    client._get_logs_v2_enabled = second_version
    now = int(time.time())
    kind: dict[str, Any] = {"compress": False} if compress is None else {"compress_type": compress}
    first, second = {"message": "GET /ünïcode", "status": "200"}, {"message": "PUT it", "status": "404"}
    put(client, project, first, second, at=now, topic="web", logtags=[("host", "one")], **kind)
    found = client.get_log(project, STORE, now - 10, now + 1, query="status > 300 or ünïcode", reverse=True)
    assert (found.get_count(), found.is_completed()) == (2, True)
    assert [log.get_contents()["message"] for log in found.get_logs()] == ["PUT it", "GET /ünïcode"]
    log = found.get_logs()[0]
    assert (log.get_time(), log.get_source()) == (now, "192.0.2.7")
    assert log.get_contents() == {**second, "__topic__": "web", "__tag__:host": "one"}
    assert client.get_log(project, STORE, now - 10, now + 1, topic="other").get_count() == 0
    assert client.get_log(project, STORE, now - 10, now).get_count() == 0
    assert found.get_meta().get_where_query() == (
        "status > 300 or ünïcode" if second_version else r"status > 300 or \u00fcn\u00efcode"
    )


@pytest.mark.parametrize("second_version", [True, False])
def test_logs_come_in_pages(client: LogClient, project: str, second_version: bool) -> None:
    client._get_logs_v2_enabled = second_version
    now = int(time.time())
    for part in range(0, 250, 50):
        put(client, project, *({"number": str(part + each)} for each in range(50)), at=now + part)
    pages = [*client.get_log_all(project, STORE, now, now + 250, query="number")]
    assert [page.get_count() for page in pages] == [100, 100, 50, 0]
    assert [int(log.get_contents()["number"]) for page in pages for log in page.get_logs()] == [*range(250)]
    every = client.get_log(project, STORE, now, now + 250, size=-1)
    assert every.get_count() == 250
    counted = client.get_histograms(GetHistogramsRequest(project, STORE, now, now + 250, query="number"))
    assert (counted.get_total_count(), counted.is_completed()) == (250, True)
    assert sum(each.get_count() for each in counted.get_histograms()) == 250


def test_every_shard_is_pulled(client: LogClient, project: str) -> None:
    now = int(time.time())
    for number in range(6):
        put(client, project, {"number": str(number)}, at=now + number, topic="t", logtags=[("k", "v")])
    put(client, project, {"number": "keyed"}, at=now, hashKey="f" * 32)
    shards = client.list_shards(project, STORE).get_shards_info()
    assert [(each["shardID"], each["status"]) for each in shards] == [(0, "readwrite"), (1, "readwrite")]
    pulled = []
    for shard in (0, 1):
        begin = client.get_begin_cursor(project, STORE, shard).get_cursor()
        end = client.get_end_cursor(project, STORE, shard).get_cursor()
        for compress in (True, False):
            first = client.pull_logs(project, STORE, shard, begin, 1, compress=compress)
            assert (first.get_loggroup_count(), first.get_log_count()) == (1, 1)
        rest = client.pull_logs(project, STORE, shard, first.get_next_cursor(), 1000, end, accept_compress_type="zstd")
        assert rest.get_next_cursor() == end
        pulled += [*first.get_flatten_logs_json(), *rest.get_flatten_logs_json()]
        nothing = client.pull_logs(project, STORE, shard, end)
        assert (nothing.get_loggroup_count(), nothing.get_next_cursor()) == (0, end)
        assert now - 1 <= client.get_cursor_time(project, STORE, shard, begin).get_cursor_time() <= now + 60
        assert client.get_previous_cursor_time(project, STORE, shard, begin).get_cursor_time() >= now - 1
        assert client.get_cursor(project, STORE, shard, now - 3600).get_cursor() == begin
        assert client.get_cursor(project, STORE, shard, now + 3600).get_cursor() == end
    assert sorted(log["number"] for log in pulled) == [*map(str, range(6)), "keyed"]
    assert (
        pulled[0]
        == {
            "__time__": now,
            "__topic__": "t",
            "__source__": "192.0.2.7",
            "__tag__:k": "v",
            "number": "0",
        }
        or pulled[0]["number"] == "1"
    )


def test_bytes_that_are_no_text_are_pulled_as_they_were_put(client: LogClient, project: str) -> None:
    group = LogGroup(Topic="raw")
    group.Logs.add(Time=int(time.time())).Contents.add(Key="key", Value="XX")
    body = group.SerializeToString().replace(b"XX", b"\xff\xfe")
    headers = {"x-log-bodyrawsize": str(len(body)), "Content-Type": "application/x-protobuf"}
    client._send("POST", project, body, f"/logstores/{STORE}/shards/route", {"key": "0"}, headers)
    begin = client.get_begin_cursor(project, STORE, 0).get_cursor()
    (log,) = client.pull_logs(project, STORE, 0, begin).get_loggroup_list().LogGroups[0].Logs
    assert log.Contents[0].Value in (b"\xff\xfe", "\xff\xfe")
    now = int(time.time())
    (found,) = client.get_log(project, STORE, now - 60, now + 60).get_logs()
    assert found.get_contents()["key"] == "\ufffd\ufffd"


def send(client: LogClient, project: str, body: bytes, headers: Mapping[str, str]) -> LogException:
    kind = {"Content-Type": "application/x-protobuf"}
    path = f"/logstores/{STORE}/shards/lb"
    return refusal(client._send, "POST", project, body, path, {}, {**kind, **headers})


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({}, b"\x0a\x02\x08\x00", "MissingBodyRawSize"),
        ({"x-log-bodyrawsize": "-4"}, b"\x0a\x02\x08\x00", "InvalidBodyRawSize"),
        ({"x-log-bodyrawsize": "4", "x-log-compresstype": "snappy"}, b"\x0a\x02\x08\x00", "InvalidCompressType"),
        ({"x-log-bodyrawsize": "4", "Content-Type": "text/plain"}, b"\x0a\x02\x08\x00", "InvalidContentType"),
        ({"x-log-bodyrawsize": "5"}, b"\xff" * 5, "PostBodyInvalid"),
        ({"x-log-bodyrawsize": "5", "x-log-compresstype": "lz4"}, b"\xff" * 5, "PostBodyUncompressError"),
        (
            {"x-log-bodyrawsize": str(10 * 1024**2 + 1), "x-log-compresstype": "lz4"},
            lz4.block.compress(bytes(20 * 1024**2), store_size=False),
            "PostBodyTooLarge",
        ),
        (
            {"x-log-bodyrawsize": "1000", "x-log-compresstype": "lz4"},
            lz4.block.compress(bytes(20 * 1024**2), store_size=False),
            "PostBodyUncompressError",
        ),
        (
            {"x-log-bodyrawsize": "1000", "x-log-compresstype": "deflate"},
            zlib.compress(bytes(20 * 1024**2)),
            "PostBodyUncompressError",
        ),
        ({"x-log-bodyrawsize": str(4 * 50_000)}, b"\x0a\x02\x08\x00" * 50_000, "PostBodyTooLarge"),
        ({"x-log-bodyrawsize": "1"}, bytes(10 * 1024**2 + 1), "PostBodyTooLarge"),
    ],
)
def test_a_body_that_lies_or_is_malformed_is_refused(
    client: LogClient, project: str, headers: Mapping[str, str], body: bytes, code: str
) -> None:
    error = send(client, project, body, headers)
    assert error.get_error_code() == code
    assert error.resp_status in (400, 413, 415)
    now = int(time.time())
    assert client.get_log(project, STORE, 0, now + 60).get_count() == 0


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"query": "(open"}, "InvalidQueryString", "not closed"),
        ({"query": "* | select nothing"}, "ParameterInvalid", "Column 'nothing' cannot be resolved"),
        ({"query": "* | where status > 200"}, "NotImplemented", "'where', which is neither SELECT nor WITH"),
        ({"query": "| select 1"}, "ParameterInvalid", "sql query must follow search query"),
        ({"query": "message:x"}, "ParameterInvalid", "is not config as key value config"),
        ({"from_time": 10, "to_time": 10}, "InvalidTimeRange", "time range is invalid"),
        ({"offset": -1}, "ParameterInvalid", "offset"),
        ({"scan": True}, "NotImplemented", "session"),
    ],
)
@pytest.mark.parametrize("second_version", [True, False])
def test_a_wrong_search_is_refused(
    client: LogClient, project: str, given: dict[str, Any], code: str, words: str, second_version: bool
) -> None:
    client._get_logs_v2_enabled = second_version
    error = refusal(client.get_log, project, STORE, **{"from_time": 1, "to_time": 2, **given})
    assert error.get_error_code() == code
    assert words in error.get_error_message()


def test_what_is_not_there_is_named(client: LogClient, project: str) -> None:
    now = int(time.time())
    calls: list[tuple[Callable[[], object], str, int]] = [
        (lambda: put(client, "absent-project", {"a": "b"}, at=now), "ProjectNotExist", 404),
        (lambda: client.put_logs(PutLogsRequest(project, "absent", "", "", [])), "LogStoreNotExist", 404),
        (lambda: client.get_log(project, "absent", 1, 2), "LogStoreNotExist", 404),
        (lambda: client.list_shards(project, "absent"), "LogStoreNotExist", 404),
        (lambda: client.get_begin_cursor(project, STORE, 2), "ShardNotExist", 400),
        (lambda: client.pull_logs(project, STORE, 0, "bm8gY3Vyc29y"), "InvalidCursor", 400),
        (lambda: client.pull_logs(project, STORE, 0, "OTk5OTk5OTk5OTk5OTk5OTk5OQ=="), "InvalidCursor", 400),
        (lambda: client.get_cursor_time(project, STORE, 0, "MQ=="), "InvalidCursor", 400),
    ]
    for call, code, status in calls:
        error = refusal(call)
        assert (error.get_error_code(), error.resp_status) == (code, status)
    client.delete_index(project, STORE)
    assert refusal(client.get_log, project, STORE, 1, 2).get_error_code() == "IndexConfigNotExist"


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("PostLogStoreLogs", lambda client, project: put(client, project, {"a": "b"}, at=1)),
        ("GetLogStoreLogs", lambda client, project: client.get_log(project, STORE, 1, 2)),
        (
            "GetLogStoreHistogram",
            lambda client, project: client.get_histograms(GetHistogramsRequest(project, STORE, 1, 2)),
        ),
        ("ListShards", lambda client, project: client.list_shards(project, STORE)),
        ("GetCursorOrData", lambda client, project: client.get_end_cursor(project, STORE, 0)),
    ],
)
def test_each_operation_needs_its_right(
    cloud: Running, client: LogClient, project: str, action: str, call: Callable[[LogClient, str], object]
) -> None:
    resource = f"acs:log:*:*:project/{project}/logstore/{STORE}"
    others = {"PostLogStoreLogs", "GetLogStoreLogs", "GetLogStoreHistogram", "ListShards", "GetCursorOrData"} - {action}
    denied = assume_role(
        cloud, {"Effect": "Allow", "Action": [f"log:{each}" for each in others], "Resource": [resource]}
    )
    error = refusal(call, client_of(cloud, key=denied), project)
    assert (error.get_error_code(), error.resp_status) == ("Unauthorized", 401)
    assert f"action: log:{action}, resource: " in error.get_error_message()
    allowed = assume_role(cloud, {"Effect": "Allow", "Action": [f"log:{action}"], "Resource": [resource]})
    call(client_of(cloud, key=allowed), project)


def test_logs_survive_kill_9(start_cloud: Callable[..., Running], tmp_path: Path) -> None:
    first = start_cloud(tmp_path)
    client = client_of(first)
    client.create_project("kept", "of tests")
    client.create_logstore("kept", STORE, shard_count=1)
    client.create_index("kept", STORE, INDEX)
    now = int(time.time())
    for number in range(20):
        put(client, "kept", {"number": str(number)}, at=now + number)
    end = client.get_end_cursor("kept", STORE, 0).get_cursor()
    first.stop(signal.SIGKILL)
    client = client_of(start_cloud(tmp_path))
    found = client.get_log("kept", STORE, now, now + 100)
    assert [int(log.get_contents()["number"]) for log in found.get_logs()] == [*range(20)]
    assert client.get_end_cursor("kept", STORE, 0).get_cursor() == end


def test_an_index_of_json_finds_what_lies_in_it(client: LogClient, project: str) -> None:
    document = {
        "keys": {"body": {"type": "json", "token": TOKENS, "json_keys": {"size": {"type": "long"}}}},
        "line": {"token": TOKENS},
    }
    headers = {"Content-Type": "application/json", "x-log-bodyrawsize": "1"}
    client._send("PUT", project, json.dumps(document).encode(), f"/logstores/{STORE}/index", {}, headers)
    now = int(time.time())
    put(client, project, {"body": '{"size": 7, "who": {"name": "Kim"}}'}, {"body": "no json"}, at=now)
    for query in ("body.size = 7", "body.who.name:kim", "Kim"):
        assert client.get_log(project, STORE, now, now + 1, query=query).get_count() == 1
