"""SQL over logs through both official SDKs: answers and their descriptions, refusals, rights, and that nobody suffers from it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from alibabacloud_sls20201230 import models
from alibabacloud_sls20201230.client import Client
from aliyun.log import (
    GetHistogramsRequest,
    GetProjectLogsRequest,
    IndexConfig,
    IndexKeyConfig,
    LogClient,
    LogException,
    LogItem,
    PutLogsRequest,
)

from tests.support.roles import assume_role
from tests.support.sls import client_of, generated_client_of, refusal

Running = Any  # the running cloud of tests/support/cloud.py
STORE, OTHER, PLAIN = "requests", "others", "plain"
KEYS = {
    "method": IndexKeyConfig(token_list=[" "], doc_value=True),
    "status": IndexKeyConfig(index_type="long", doc_value=True),
    "latency": IndexKeyConfig(index_type="double", doc_value=True),
    "agent": IndexKeyConfig(token_list=[" "], doc_value=False),
}
NOW = int(time.time())
SPAN = (NOW - 60, NOW + 60)


@pytest.fixture(params=[True, False], ids=["v2", "v1"])
def client(client: LogClient, request: pytest.FixtureRequest) -> LogClient:
    client._get_logs_v2_enabled = request.param
    return client


@pytest.fixture
def project(client: LogClient, project: str) -> str:
    for name in (STORE, OTHER):
        client.create_logstore(project, name, shard_count=2)
        client.create_index(project, name, IndexConfig(key_config_list=KEYS))
    client.create_logstore(project, PLAIN, shard_count=1)
    put(
        client,
        project,
        STORE,
        [{"method": "GET" if n % 4 else "PUT", "status": f"{200 + n % 3}", "latency": f"{n / 8}"} for n in range(40)],
    )
    put(client, project, OTHER, [{"method": "ünï", "agent": "curl", "status": "none"}])
    return project


def put(client: LogClient, project: str, store: str, logs: list[dict[str, str]]) -> None:
    client.put_logs(PutLogsRequest(project, store, "", "192.0.2.7", [LogItem(NOW, [*log.items()]) for log in logs]))


def ask(client: LogClient, project: str, query: str, store: str = STORE) -> list[dict[str, str]]:
    return [log.get_contents() for log in client.get_log(project, store, *SPAN, query=query).get_logs()]


def test_an_answer_has_its_columns_in_their_order_and_says_what_it_is(client: LogClient, project: str) -> None:
    statement = "SELECT method, count(*) AS pv, avg(latency) AS slow FROM log GROUP BY method ORDER BY pv DESC"
    answer = client.get_log(project, STORE, *SPAN, query=f"status >= 201 | {statement}")
    assert [[*log.get_contents().items()] for log in answer.get_logs()] == [
        [("method", "GET"), ("pv", "20"), ("slow", "2.49375")],
        [("method", "PUT"), ("pv", "6"), ("slow", "2.25")],
    ]
    meta = answer.get_meta()
    assert (answer.is_completed(), answer.get_count(), answer.get_processed_rows(), answer.get_has_sql()) == (
        True,
        2,
        26,
        True,
    )
    assert (answer.get_where_query(), answer.get_agg_query()) == ("status >= 201", statement)
    if client._get_logs_v2_enabled:
        assert (meta.get_keys(), meta.get_column_types()) == (["method", "pv", "slow"], ["varchar", "bigint", "double"])
        assert (meta.get_is_accurate(), meta.get_limited()) == (True, 100)
    else:
        told = {name.lower(): value for name, value in answer.get_all_headers().items()}
        info = json.loads(told["x-log-query-info"])
        assert (info["keys"], info["columnTypes"]) == (["method", "pv", "slow"], ["varchar", "bigint", "double"])
        assert (info["limited"], told["x-log-has-sql"]) == ("100", "true")


def test_what_is_not_there_is_null_and_names_may_be_of_any_letters(client: LogClient, project: str) -> None:
    assert ask(client, project, '* | SELECT method AS "größe", status, latency', OTHER) == [
        {"größe": "ünï", "status": "null", "latency": "null"}
    ]
    assert ask(client, project, "nothing | SELECT count(*) AS n") == [{"n": "0"}]
    assert ask(client, project, "nothing | SELECT method") == []


def test_a_search_narrows_what_is_analyzed_and_counted(client: LogClient, project: str) -> None:
    assert ask(client, project, "method:PUT and latency > 2 | SELECT count(1) AS n") == [{"n": "5"}]
    request = GetHistogramsRequest(project, STORE, *SPAN, query="method:PUT | SELECT count(1)")
    assert client.get_histograms(request).get_total_count() == 10


def test_another_logstore_of_the_project_is_joined_whole(client: LogClient, project: str) -> None:
    joined = f"SELECT count(*) AS n, count(DISTINCT a.method) AS m FROM log a JOIN {OTHER} b ON a.method <> b.method"
    assert ask(client, project, f"method:PUT | {joined}") == [{"n": "10", "m": "1"}]
    assert ask(client, project, f"nothing | SELECT count(*) AS n FROM {OTHER}") == [{"n": "1"}]


def test_a_project_is_asked_about_any_of_its_logstores(client: LogClient, project: str) -> None:
    def asked(statement: str) -> list[dict[str, str]]:
        return [
            log.get_contents() for log in client.get_project_logs(GetProjectLogsRequest(project, statement)).get_logs()
        ]

    assert asked(f"SELECT count(*) AS n FROM {STORE} WHERE __time__ > {NOW - 9} AND __date__ < '2100-01-01'") == [
        {"n": "40"}
    ]
    assert asked(f"SELECT count(*) AS n FROM {STORE} a JOIN {OTHER} b ON a.method <> b.method") == [{"n": "40"}]
    for statement, words in (
        (f"SELECT 1 FROM {PLAIN}", f"LogStore ({PLAIN}) is not found"),
        (f"*|SELECT 1 FROM {STORE}", "extraneous input '|'"),
        ("SELECT 1", "LogStore (log) is not found"),
    ):
        error = refusal(client.get_project_logs, GetProjectLogsRequest(project, statement))
        assert (error.get_error_code(), error.resp_status) == ("ParameterInvalid", 400)
        assert words in error.get_error_message()


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("* | SELECT agent", "ParameterInvalid", "Column 'agent' cannot be resolved;please add the column in the index attribute"),
        ("* | SELECT status, method, count(*) GROUP BY status", "ParameterInvalid", "Column 'method' not in GROUP BY clause"),
        ("* | SELECT count(", "ParameterInvalid", "mismatched input '<EOF>'"),
        ("* | SELECT time_series(__time__, '1m', '%H', '0')", "NotImplemented", "the function time_series"),
        (f"* | SELECT count(*) FROM {PLAIN}", "ParameterInvalid", f"LogStore ({PLAIN}) is not found"),
        ("agent: | SELECT 1", "InvalidQueryString", ""),
        ("status:x and nothing:y | SELECT 1", "ParameterInvalid", "key (nothing) is not config"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(client: LogClient, project: str, query: str, code: str, words: str) -> None:
    error = refusal(client.get_log, project, STORE, *SPAN, query=query)
    assert (error.get_error_code(), error.resp_status) == (code, 400)
    assert words in error.get_error_message()


def test_logs_without_an_index_are_not_analyzed(client: LogClient, project: str) -> None:
    error = refusal(client.get_log, project, PLAIN, *SPAN, query="* | SELECT count(*)")
    assert error.get_error_code() == "IndexConfigNotExist"


def test_a_role_analyzes_what_it_may_read(cloud: Running, client: LogClient, project: str) -> None:
    allowed = f"acs:log:{cloud.region}:{cloud.account_id}:project/{project}/logstore/{OTHER}"
    statement = {"Effect": "Allow", "Action": "log:GetLogStoreLogs", "Resource": allowed}
    with_role = client_of(cloud, key=assume_role(cloud, statement))
    assert ask(with_role, project, "* | SELECT count(*) AS n", OTHER) == [{"n": "1"}]
    assert refusal(with_role.get_log, project, STORE, *SPAN, query="* | SELECT 1").get_error_code() == "Unauthorized"
    told = with_role.get_project_logs(GetProjectLogsRequest(project, f"SELECT count(*) AS n FROM {OTHER}"))
    assert told.get_logs()[0].get_contents() == {"n": "1"}
    error = refusal(with_role.get_project_logs, GetProjectLogsRequest(project, f"SELECT count(*) AS n FROM {STORE}"))
    assert "is not found" in error.get_error_message()
    nothing = client_of(cloud, key=assume_role(cloud, {**statement, "Resource": f"{allowed}-not"}))
    error = refusal(nothing.get_project_logs, GetProjectLogsRequest(project, f"SELECT count(*) AS n FROM {OTHER}"))
    assert error.get_error_code() == "Unauthorized"
    error = refusal(with_role.get_log, project, OTHER, *SPAN, query=f"* | SELECT 1 FROM {STORE}")
    assert "is not found" in error.get_error_message()


HOSTILE = {
    "a pattern that backtracks": "SELECT regexp_like('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '^(a|a|aa)+$')",
    "a join of joins": f"SELECT count(*) FROM {', '.join(f'log t{number}' for number in range(9))}",
    "much memory": "SELECT array_agg(rpad('x', 1000000, 'y')) FROM log a, log b",
    "a long answer": "SELECT rpad('x', 1000000, 'y') FROM log",
    "a deep expression": f"SELECT {'+'.join('1' * 20_000)}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_statement_that_takes_too_much_is_ended_while_others_are_served(cloud: Running, name: str) -> None:
    client = client_of(cloud)
    project = f"hostile-{time.time_ns()}"
    client.create_project(project, "of tests")
    try:
        client.create_logstore(project, STORE, shard_count=1)
        client.create_index(project, STORE, IndexConfig(key_config_list=KEYS))
        put(client, project, STORE, [{"method": "GET"}] * 40)
        errors: list[LogException] = []
        attack = threading.Thread(
            target=lambda: errors.append(refusal(client.get_log, project, STORE, *SPAN, query=f"* | {HOSTILE[name]}"))
        )
        attack.start()
        others = client_of(cloud)
        served = 0
        while attack.is_alive():
            assert others.get_log(project, STORE, *SPAN).get_count() == 40
            served += 1
            attack.join(0.2)
        assert served
        (error,) = errors
        assert error.get_error_code() == "ParameterInvalid"
        assert ask(client, project, "* | SELECT count(*) AS n") == [{"n": "40"}]
    finally:
        client.delete_project(project)


@pytest.fixture
def generated(cloud: Running) -> Client:
    return generated_client_of(cloud)


def test_the_generated_sdk_reads_answers_too(generated: Client, client: LogClient, project: str) -> None:
    request = models.GetLogsV2Request(
        from_=SPAN[0], to=SPAN[1], query="* | SELECT method, count(*) AS n GROUP BY 1 ORDER BY n"
    )
    body = generated.get_logs_v2(project, STORE, request).body
    assert [(each["method"], each["n"]) for each in body.data] == [("PUT", "10"), ("GET", "30")]
    assert (body.meta.has_sql, body.meta.agg_query, body.meta.progress) == (True, request.query[4:], "Complete")
    assert (body.meta.keys, body.meta.column_types) == (["method", "n"], ["varchar", "bigint"])
    with pytest.raises(Exception, match="cannot be resolved") as caught:
        generated.get_logs_v2(project, STORE, models.GetLogsV2Request(from_=1, to=2, query="* | SELECT absent"))
    refused: Any = caught.value
    assert refused.code == "ParameterInvalid"
    older = generated.get_logs(
        project, STORE, models.GetLogsRequest(from_=SPAN[0], to=SPAN[1], query="* | SELECT count(*) AS n")
    )
    assert older.body.data[0]["n"] == "40"
