"""What functions print arrives in the logstore of their logConfig, in both generations, as their role may write it."""

from __future__ import annotations

import base64
import io
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc20230330.client import Client as Client3
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_fc_open20210406.client import Client as Client2
from aliyun.log import IndexConfig, IndexLineConfig, LogClient

from tests.support.roles import make_function_role
from tests.support.sls import client_of
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
STORE = "functions"
HANDLER = """
import time

def handler(event, context):
    print("hello", event.decode())
    print("2026-11-29 trace:")
    print("  of two lines")
    if event == b"slow":
        time.sleep(2)
    if event == b"fail":
        raise ValueError("no such thing")
    return b"done"


def freeze(context):
    print("freezes")
"""


def zipped(source: str) -> str:
    """Return a code package as the APIs take it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return base64.b64encode(buffer.getvalue()).decode()


CODE = zipped(HANDLER)


@pytest.fixture(scope="module")
def logs(cloud: Running) -> LogClient:
    return client_of(cloud)


@pytest.fixture
def project(logs: LogClient) -> Iterator[str]:
    name = "fc-" + uuid.uuid4().hex[:12]
    logs.create_project(name, "of tests")
    logs.create_logstore(name, STORE)
    logs.create_index(name, STORE, IndexConfig(line_config=IndexLineConfig(token_list=[" ", ":"])))
    yield name
    logs.delete_project(name)


def found(logs: LogClient, project: str, query: str, count: int) -> list[dict[str, str]]:
    """Return the logs that a query finds, once there are so many; in ten seconds at most."""
    for _ in range(100):
        now = int(time.time())
        answer = logs.get_log(project, STORE, now - 600, now + 60, query=query)
        if answer.get_count() >= count:
            break
        time.sleep(0.1)
    return [log.get_contents() for log in answer.get_logs()]


class Generation3:
    """A function of FC 3.0."""

    def __init__(self, cloud: Running, config: dict[str, Any], role: str = "") -> None:
        self.client, self.name = Client3(cloud.config("fc")), "f" + uuid.uuid4().hex[:8]
        fields = {
            "functionName": self.name,
            "runtime": "python3.10",
            "handler": "index.handler",
            "timeout": 10,
            "logConfig": config,
            "code": {"zipFile": CODE},
            **({"role": role} if role else {}),
        }
        body = models3.CreateFunctionInput().from_map(fields)
        self.client.create_function(models3.CreateFunctionRequest(body=body))
        self.topic = f"FCLogs:{self.name}"
        self.service: dict[str, str] = {}

    def invoke(self, event: str) -> str:
        request = models3.InvokeFunctionRequest(body=io.BytesIO(event.encode()))
        return str(self.client.invoke_function(self.name, request).headers["x-fc-request-id"])


class Generation2:
    """A function of FC 2.0, whose service has the settings of logs; it may have a hook."""

    def __init__(self, cloud: Running, config: dict[str, Any], role: str = "", *, freezes: bool = False) -> None:
        self.client, self.name = Client2(cloud.config("fc")), "f"
        self.topic = "s" + uuid.uuid4().hex[:8]
        self.service = {"serviceName": self.topic}
        given = models2.CreateServiceRequest().from_map({"serviceName": self.topic, "logConfig": config})
        given.role = role or None
        self.client.create_service(given)
        fields = {
            "functionName": self.name,
            "runtime": "python3.10",
            "handler": "index.handler",
            "timeout": 10,
            "code": {"zipFile": CODE},
            **(
                {"instanceLifecycleConfig": {"preFreeze": {"handler": "index.freeze", "timeout": 3}}} if freezes else {}
            ),
        }
        self.client.create_function(self.topic, models2.CreateFunctionRequest().from_map(fields))

    def invoke(self, event: str) -> str:
        request = models2.InvokeFunctionRequest(body=event.encode())
        return str(self.client.invoke_function(self.topic, self.name, request).headers["x-fc-request-id"])


Make = Callable[..., Generation2 | Generation3]


@pytest.mark.parametrize("make", [Generation2, Generation3])
def test_what_a_function_prints_arrives(cloud: Running, logs: LogClient, project: str, make: Make) -> None:
    function = make(cloud, {"project": project, "logstore": STORE, "enableRequestMetrics": True})
    request_id = function.invoke("world")
    assert found(logs, project, '"Invoke End"', 1), "which is the last line of an invocation"
    messages = [log for log in found(logs, project, "*", 6) if "message" in log]
    # With a note, where this machine has no Python of the runtime's version.
    lines = [log for log in messages if not log["message"].startswith("FC Note")]
    assert [line["message"].split(" RequestId")[0] for line in lines] == [
        "FC Invoke Start",
        "hello world",
        "2026-11-29 trace:",
        "  of two lines",
        "FC Invoke End",
    ]
    for line in lines:
        assert line["functionName"] == function.name
        assert (line["qualifier"], line["versionId"], line["requestId"]) == ("LATEST", "", request_id)
        assert line["instanceID"].startswith("c-")
        assert line["__topic__"] == function.topic
        assert line.items() >= function.service.items()
    (metrics,) = (log for log in found(logs, project, "durationMs", 1))
    assert metrics["requestId"] == request_id
    assert (metrics["isColdStart"], metrics["hasFunctionError"], metrics["invocationType"]) == ("true", "false", "Sync")
    assert float(metrics["durationMs"]) >= 0


def test_lines_of_hooks_name_their_instance(cloud: Running, logs: LogClient, project: str) -> None:
    function = Generation2(cloud, {"project": project, "logstore": STORE}, freezes=True)
    function.invoke("once")
    (printed,) = found(logs, project, "freezes", 1)
    (invoked,) = found(logs, project, "hello", 1)
    assert printed["instanceID"] == invoked["instanceID"] != ""


@pytest.mark.parametrize("make", [Generation2, Generation3])
def test_a_role_writes_what_it_may(cloud: Running, logs: LogClient, project: str, make: Make) -> None:
    resource = [f"acs:log:*:*:project/{project}/logstore/{STORE}"]
    config = {"project": project, "logstore": STORE}
    other = make_function_role(cloud, {"Effect": "Allow", "Action": ["log:Get*"], "Resource": resource})
    denied = make(cloud, config, other)
    denied.invoke("denied")
    own = make_function_role(cloud, {"Effect": "Allow", "Action": ["log:PostLogStoreLogs"], "Resource": resource})
    make(cloud, config, own).invoke("allowed")
    assert len(found(logs, project, "allowed", 1)) == 1
    assert found(logs, project, "denied", 0) == []
    path = f"services.{denied.topic}.functions.f" if denied.service else f"functions.{denied.name}"
    noted = (cloud.data / "fc" / "logs" / f"{path}.log").read_text()
    assert noted.count("FC Note: log lines are not delivered to") == 1
    assert f"the role {other} may not do log:PostLogStoreLogs" in noted


def test_lines_arrive_while_the_function_runs(cloud: Running, logs: LogClient, project: str) -> None:
    function = Generation3(cloud, {"project": project, "logstore": STORE})
    function.invoke("warm")
    running = threading.Thread(target=function.invoke, args=("slow",))
    running.start()
    assert len(found(logs, project, "slow", 1)) == 1
    assert running.is_alive()
    running.join()


def test_lines_without_a_date_stay_with_the_one_before(cloud: Running, logs: LogClient, project: str) -> None:
    function = Generation3(cloud, {"project": project, "logstore": STORE, "logBeginRule": "DefaultRegex"})
    function.invoke("fail")
    (trace,) = found(logs, project, "trace", 1)
    assert trace["message"] == "2026-11-29 trace:\n  of two lines"
    (failure,) = found(logs, project, '"[ERROR]"', 1)
    assert '"errorType": "ValueError"' in failure["message"]


def test_a_project_that_is_not_there_takes_nothing_and_the_function_goes_on(cloud: Running) -> None:
    function = Generation3(cloud, {"project": "absent-project", "logstore": STORE})
    for _ in range(2):
        function.invoke("lost")
    log = cloud.data / "fc" / "logs" / f"functions.{function.name}.log"
    wait_for(lambda: "FC Note: log lines are not delivered to absent-project/functions: " in log.read_text())
