"""The hooks of an instance's life: before it is frozen, and before it is taken down."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc_open20210406 import models as models2

from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
PYTHON = textwrap.dedent(
    """
    import os, time


    def handler(event, context):
        if event == b"exit":
            os._exit(3)
        return "done"


    def pre_freeze(context):
        print("FREEZES", context.request_id)


    def pre_stop(context):
        do = os.environ.get("STOP", "")
        if do == "raise":
            raise RuntimeError("will not stop")
        if do:
            time.sleep(float(do))
        print("STOPS", context.function.name)
    """
)
NODE = """
exports.handler = async () => 'done';
exports.pre_freeze = (context, callback) => { console.log('FREEZES', context.requestId); callback(null); };
exports.pre_stop = async (context) => { console.log('STOPS', context.function.name); return ''; };
"""
SERVER = textwrap.dedent(
    """
    import http.server


    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            print("FREEZES" if self.path == "/pre-freeze" else "STOPS" if self.path == "/pre-stop" else "SERVES",
                  self.command, flush=True)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass


    http.server.ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
    """
)
COMMAND = {"customRuntimeConfig": {"command": ["python3", "server.py"]}}
QUALIFIED = models2.GetProvisionConfigRequest(qualifier="LATEST")
FUNCTIONS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "python3.10": ({"index.py": PYTHON}, {}),
    "nodejs20": ({"index.js": NODE}, {}),
    "custom": ({"server.py": SERVER}, COMMAND),
}


def hooks(*names: str, timeout: int = 10) -> dict[str, Any]:
    handlers = {"preFreeze": "index.pre_freeze", "preStop": "index.pre_stop"}
    return {"instanceLifecycleConfig": {name: {"handler": handlers[name], "timeout": timeout} for name in names}}


def log_of(cloud: Running, client: Any) -> str:
    """Return the log of a client's function `f`."""
    path = f"services.{client.service}.functions.f" if hasattr(client, "service") else f"functions.{client.prefix}f"
    file = Path(cloud.data / "fc" / "logs" / f"{path}.log")
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("runtime", list(FUNCTIONS))
def test_both_hooks_run_with_the_log_lines_of_the_platform(
    cloud: Running, client: Any, zip_of: Callable[..., bytes], instances_of: Any, runtime: str
) -> None:
    files, settings = FUNCTIONS[runtime]
    given = hooks("preFreeze", "preStop")
    client.create("f", code=zip_of(files), runtime=runtime, timeout=20, **settings, **given)
    assert client.get("f")["instanceLifecycleConfig"] == given["instanceLifecycleConfig"]
    first = client.invoke("f")
    assert "FREEZES" not in first.log  # after its answer
    wait_for(lambda: "FC PreFreeze End" in log_of(cloud, client))
    assert "STOPS" not in log_of(cloud, client)
    second = client.invoke("f")
    assert second.headers["x-fc-instance-id"] == first.headers["x-fc-instance-id"]
    client.delete("f")
    wait_for(lambda: "FC PreStop End" in log_of(cloud, client))
    lines = log_of(cloud, client)
    assert lines.count("FREEZES") == 2
    assert lines.count("STOPS") == 1
    if runtime == "custom":
        assert ("FREEZES GET" in lines, "STOPS GET" in lines) == (True, True)
    place = [lines.index(each) for each in ("FC PreStop Start RequestId: 1-", "STOPS", "FC PreStop End RequestId: 1-")]
    assert place == sorted(place)
    gone = first.headers["x-fc-instance-id"]
    wait_for(lambda: gone not in {each["id"] for each in instances_of(cloud)})


def test_pre_freeze_runs_when_an_instance_that_went_on_between_requests_is_frozen(
    cloud: Running, client: Any, zip_of: Callable[..., bytes], instances_of: Any
) -> None:
    def provision(**members: Any) -> None:
        request = models2.PutProvisionConfigRequest(qualifier="LATEST", **members)
        client.client.put_provision_config(client.service, "f", request)

    client.create("f", code=zip_of({"index.py": PYTHON}), **hooks("preFreeze", "preStop"))
    provision(target=1, always_allocate_cpu=True)
    wait_for(lambda: client.client.get_provision_config(client.service, "f", QUALIFIED).body.current == 1)
    client.invoke("f")
    assert "FREEZES" not in log_of(cloud, client)
    provision(target=1, always_allocate_cpu=False)
    wait_for(lambda: "FC PreFreeze End" in log_of(cloud, client))
    assert log_of(cloud, client).count("FREEZES") == 1
    assert "FC PreStop" not in log_of(cloud, client)


def test_in_fc_3_there_is_pre_stop_alone(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], refused: Any
) -> None:
    client, code = client_of(cloud, "fc3"), zip_of({"index.py": PYTHON})
    given = {"instanceLifecycleConfig": {"initializer": {"handler": "index.pre_freeze", "timeout": 9}}}
    given["instanceLifecycleConfig"]["preStop"] = {"handler": "index.pre_stop", "timeout": 8}
    client.create("f", code=code, **given)
    assert client.get("f")["instanceLifecycleConfig"] == given["instanceLifecycleConfig"]
    client.invoke("f")
    client.update("f", description="new")  # which ends its instances
    wait_for(lambda: "FC PreStop End" in log_of(cloud, client))
    assert "STOPS" in log_of(cloud, client)


def test_a_hook_that_fails_or_takes_too_long_is_logged_and_holds_nothing_up(
    cloud: Running, client: Any, zip_of: Callable[..., bytes], instances_of: Any
) -> None:
    code = zip_of({"index.py": PYTHON})
    client.create("f", code=code, environmentVariables={"STOP": "raise"}, **hooks("preStop"))
    assert client.invoke("f").body == b"done"
    client.update("f", environmentVariables={"STOP": "60"}, **hooks("preStop", timeout=1))
    wait_for(lambda: "will not stop" in log_of(cloud, client))
    late = client.invoke("f").headers["x-fc-instance-id"]
    client.delete("f")
    wait_for(lambda: "Function PreStop hook timed out after 1 seconds" in log_of(cloud, client))
    wait_for(lambda: late not in {each["id"] for each in instances_of(cloud)})


def test_an_instance_that_has_died_runs_no_hook(cloud: Running, client: Any, zip_of: Callable[..., bytes]) -> None:
    client.create("f", code=zip_of({"index.py": PYTHON}), **hooks("preFreeze", "preStop"))
    assert client.invoke("f", b"exit").error_type == "UnhandledInvocationError"
    client.delete("f")
    assert "FC PreFreeze" not in log_of(cloud, client)
    assert "FC PreStop" not in log_of(cloud, client)


def test_pre_stop_runs_when_an_instance_was_idle_and_when_the_cloud_ends(
    tmp_path: Path, start_cloud: Callable[..., Running], client_of: Callable[..., Any], zip_of: Callable[..., bytes]
) -> None:
    running = start_cloud(tmp_path, "--fc-idle", "0.2")
    client = client_of(running)
    client.create("f", code=zip_of({"index.py": PYTHON}), **hooks("preStop"))
    client.invoke("f")
    wait_for(lambda: log_of(running, client).count("STOPS") == 1)
    running.stop()
    other = start_cloud(tmp_path)
    client.client = client_of(other).client
    client.invoke("f")
    assert other.stop() == 0
    assert log_of(other, client).count("STOPS") == 2
