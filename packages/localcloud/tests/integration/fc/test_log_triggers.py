"""Log triggers: a function is told what was written to a logstore, and reads it with the SDK of its runtime."""

from __future__ import annotations

import json
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as models3
from aliyun.log import LogClient, LogItem, PutLogsRequest

from tests.support.roles import make_function_role
from tests.support.sls import client_of as sls_client
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
READER = textwrap.dedent(
    """
    import json
    from aliyun.log import LogClient


    def handler(event, context):
        told = json.loads(event)
        source, keys = told["source"], context.credentials
        client = LogClient(source["endpoint"], keys.access_key_id, keys.access_key_secret, keys.security_token)
        pulled = client.pull_logs(source["projectName"], source["logstoreName"], source["shardId"], source["beginCursor"],
                                  end_cursor=source["endCursor"])
        for log in pulled.get_flatten_logs_json():
            print("READ " + json.dumps([log["text"], told["parameter"], sorted(told)]))
    """
)


@pytest.fixture
def logs(cloud: Running) -> LogClient:
    return sls_client(cloud)


@pytest.fixture
def project(logs: LogClient) -> Iterator[str]:
    name = "fc-" + uuid.uuid4().hex[:12]
    logs.create_project(name, "of tests")
    for logstore in ("source", "triggers"):
        logs.create_logstore(name, logstore, 1, 1)
    yield name
    logs.delete_project(name)


def write(logs: LogClient, project: str, text: str) -> None:
    logs.put_logs(PutLogsRequest(project, "source", "", "", [LogItem(contents=[("text", text)])]))


def config_of(project: str, **changes: Any) -> dict[str, Any]:
    return {
        "sourceConfig": {"logstore": "source"},
        "jobConfig": {"triggerInterval": 3, "maxRetryTime": 1},
        "functionParameter": {"say": "hello"},
        "logConfig": {"project": project, "logstore": "triggers"},
        "enable": True,
        **changes,
    }


def add_trigger(client: Any, cloud: Running, project: str, config: Mapping[str, Any], name: str = "t") -> Any:
    body = models3.CreateTriggerInput(
        trigger_name=name,
        trigger_type="log",
        trigger_config=json.dumps(config),
        source_arn=f"acs:log:{cloud.region}:{cloud.account_id}:project/{project}",
        invocation_role=f"acs:ram::{cloud.account_id}:role/log",
    )
    function = client.prefix + "f"
    return client._do(lambda: client.client.create_trigger(function, models3.CreateTriggerRequest(body=body))).body


def test_a_function_reads_what_it_is_told_of(
    cloud: Running, client_of: Callable[..., Any], zip_of: Any, logs: LogClient, project: str
) -> None:
    source = [f"acs:log:*:*:project/{project}/logstore/source"]
    role = make_function_role(cloud, {"Effect": "Allow", "Action": ["log:GetCursorOrData"], "Resource": source})
    client = client_of(cloud, "fc3", role=role)
    major, minor, *_ = sys.version_info
    environment = {"LOCALCLOUD_PYTHON": f"python{major}.{minor}"}  # which has the SDK here
    client.create("f", code=zip_of({"index.py": READER}), timeout=20, environmentVariables=environment)
    made = add_trigger(client, cloud, project, config_of(project))
    assert json.loads(made.trigger_config)["jobConfig"]["triggerInterval"] == 3
    write(logs, project, "one")
    write(logs, project, "two")
    log = cloud.data / "fc" / "logs" / f"functions.{client.prefix}f.log"

    def read() -> list[Any]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line.removeprefix("READ ")) for line in lines if line.startswith("READ ")]

    wait_for(lambda: len(read()) == 2, seconds=20)
    members = ["cursorTime", "jobName", "parameter", "source", "taskId"]
    assert read() == [["one", {"say": "hello"}, members], ["two", {"say": "hello"}, members]]

    def reports() -> list[dict[str, str]]:
        cursor = logs.get_cursor(project, "triggers", 0, "begin").get_cursor()
        return list(logs.pull_logs(project, "triggers", 0, cursor).get_flatten_logs_json())

    wait_for(lambda: len(reports()) == 1)
    (report,) = reports()
    assert (report["jobName"], report["logstoreName"], report["status"]) == (made.trigger_id, "source", "success")


def test_a_change_leaves_what_it_does_not_name(
    cloud: Running, client_of: Callable[..., Any], zip_of: Any, project: str
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"index.py": READER}))
    add_trigger(client, cloud, project, config_of(project, enable=False))
    body = models3.UpdateTriggerInput(trigger_config=json.dumps({"jobConfig": {"triggerInterval": 120}}))
    request = models3.UpdateTriggerRequest(body=body)
    updated = client.client.update_trigger(client.prefix + "f", "t", request).body
    assert json.loads(updated.trigger_config) == config_of(project, enable=False, jobConfig={"triggerInterval": 120})


def test_a_trigger_of_no_logstore_is_refused(
    cloud: Running, client_of: Callable[..., Any], zip_of: Any, project: str, refused: Any
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"index.py": READER}))
    with pytest.raises(refused, match="event source 'log' returned error"):
        add_trigger(client, cloud, project, config_of(project, sourceConfig={"logstore": "none"}))
