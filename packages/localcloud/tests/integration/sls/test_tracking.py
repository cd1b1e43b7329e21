"""Web tracking: logs without a signature, where the logstore takes them and nowhere else."""

from __future__ import annotations

import json
import time
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_sls20201230 import models
from aliyun.log import IndexConfig, IndexLineConfig, LogClient

from tests.support.signers import Key
from tests.support.sls import client_of, generated_client_of
from tests.support.wire import Answer, Request, exchange

Running = Any  # the running cloud of tests/support/cloud.py
OPEN, CLOSED = "open-store", "closed-store"
LOGS = {"__topic__": "web", "__logs__": [{"page": "/a"}, {"page": "/b", "number": 7}], "__tags__": {"site": "one"}}


@pytest.fixture(scope="module")
def project(cloud: Running) -> Iterator[str]:
    name = "track-" + uuid.uuid4().hex[:12]
    client = client_of(cloud)
    client.create_project(name, "of tests")
    for store in (OPEN, CLOSED):
        client.create_logstore(name, store, enable_tracking=store == OPEN)
        client.create_index(name, store, IndexConfig(line_config=IndexLineConfig(token_list=[" ", "/"])))
    yield name
    client.delete_project(name)


def send(
    cloud: Running, project: str, method: str, body: bytes = b"", *, store: str = OPEN, query: str = "", **headers: str
) -> Answer:
    given = [("Host", f"{project}.{cloud.host('sls')}"), ("Origin", "https://example.com")]
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]
    pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
    request = Request(method, f"/logstores/{store}/track", pairs, tuple(given), body)  # type: ignore[arg-type]
    return exchange(cloud.address("sls"), request)


def found(client: LogClient, project: str, query: str, store: str = OPEN) -> list[dict[str, str]]:
    now = int(time.time())
    answer = client.get_log(project, store, now - 60, now + 60, query=query)
    return [log.get_contents() for log in answer.get_logs()]


@pytest.mark.parametrize("packed", [False, True])
def test_several_logs_come_in_one_body(cloud: Running, project: str, packed: bool) -> None:
    mark = uuid.uuid4().hex
    raw = json.dumps({**LOGS, "__source__": mark}).encode()
    headers = {"x_log_apiversion": "0.6.0", "x_log_bodyrawsize": str(len(raw))}
    if packed:
        headers["x_log_compresstype"] = "deflate"
    answer = send(cloud, project, "POST", zlib.compress(raw) if packed else raw, **headers)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    logs = found(client_of(cloud), project, mark)
    assert [(log["page"], log.get("number")) for log in logs] == [("/a", None), ("/b", "7")]
    assert {(log["__topic__"], log["__tag__:site"]) for log in logs} == {("web", "one")}


def test_one_log_comes_in_a_query(cloud: Running, project: str) -> None:
    mark = uuid.uuid4().hex
    assert send(cloud, project, "GET", query=f"APIVersion=0.6.0&__topic__=t&page=%2Fa&mark={mark}").status == 200
    (log,) = found(client_of(cloud), project, mark)
    assert log.items() >= {"__topic__": "t", "page": "/a", "mark": mark}.items()
    assert "APIVersion" not in log


def test_a_page_may_ask_first(cloud: Running, project: str) -> None:
    answer = send(cloud, project, "OPTIONS", Access_Control_Request_Method="POST")
    assert answer.status == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_the_generated_sdk_sends_without_a_key_of_its_own(cloud: Running, project: str) -> None:
    mark = uuid.uuid4().hex
    client = generated_client_of(cloud, key=Key("nobody", "nothing"))
    request = models.PutWebtrackingRequest(logs=[{"page": mark}], source="here", topic="t")
    client.put_webtracking(project, OPEN, request)
    assert len(found(client_of(cloud), project, mark)) == 1


@pytest.mark.parametrize(
    ("store", "body", "headers", "status", "code"),
    [
        (CLOSED, LOGS, {}, 401, "Unauthorized"),
        ("absent", LOGS, {}, 404, "LogStoreNotExist"),
        (OPEN, [], {}, 400, "PostBodyInvalid"),
        (OPEN, {"__logs__": {}}, {}, 400, "PostBodyInvalid"),
        (OPEN, {"__logs__": [1]}, {}, 400, "PostBodyInvalid"),
        (OPEN, {**LOGS, "more": 1}, {}, 400, "PostBodyInvalid"),
        (OPEN, LOGS, {"x_log_apiversion": "0.1"}, 400, "ParameterInvalid"),
        (OPEN, LOGS, {"x_log_bodyrawsize": "x"}, 400, "InvalidBodyRawSize"),
        (OPEN, LOGS, {"x_log_compresstype": "snappy"}, 400, "InvalidCompressType"),
        (OPEN, LOGS, {"x_log_compresstype": "lz4", "x_log_bodyrawsize": "99999999"}, 400, "PostBodyTooLarge"),
        (OPEN, LOGS, {"x_log_compresstype": "lz4", "x_log_bodyrawsize": "9"}, 400, "PostBodyUncompressError"),
        (OPEN, {"__logs__": [{"a": "x" * 3 * 1024**2}]}, {}, 400, "PostBodyTooLarge"),
    ],
)
def test_what_is_not_for_anybody_is_refused(
    cloud: Running, project: str, store: str, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    given = {"x_log_apiversion": "0.6.0", "x_log_bodyrawsize": "1", **headers}
    answer = send(cloud, project, "POST", json.dumps(body).encode(), store=store, **given)
    assert (answer.status, json.loads(answer.body)["errorCode"]) == (status, code)


def test_other_operations_still_need_a_signature(cloud: Running, project: str) -> None:
    assert send(cloud, project, "DELETE").status in (400, 401)
    assert send(cloud, project, "PUT", b"{}").status in (400, 401)


@pytest.mark.parametrize("query", ["A=1&A=2", "A=%FF"])
def test_a_query_that_cannot_be_read_is_told_in_the_words_of_sls(cloud: Running, project: str, query: str) -> None:
    answer = send(cloud, project, "GET", query=f"APIVersion=0.6.0&{query}")
    told = json.loads(answer.body)
    assert (answer.status, told["errorCode"]) == (400, "ParameterInvalid")
    assert told["requestId"] == answer.headers["x-log-requestid"]
