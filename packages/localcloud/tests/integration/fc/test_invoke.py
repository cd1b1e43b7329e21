"""Invocations over HTTP: what the function gets, what the caller gets, in each API version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
MakeEvent = Callable[..., bytes]


def test_function_lives_and_dies_through_each_api(
    any_client: Any, code: bytes, make_event: MakeEvent, refused: Any
) -> None:
    made = any_client.create("f", code=code, memorySize=256, description="first")
    assert (made["runtime"], made["memorySize"], made["description"]) == ("python3.10", 256, "first")
    assert made["codeSize"] == len(code)
    with pytest.raises(refused) as error:
        any_client.create("f", code=code)
    assert (error.value.status, error.value.code) == (409, "FunctionAlreadyExists")
    assert any_client.invoke("f", make_event("echo", text="häé")).body.decode() == "häé"
    assert any_client.update("f", description="second")["description"] == "second"
    assert any_client.get("f")["memorySize"] == 256
    assert any_client.functions() == ["f"]
    any_client.delete("f")
    for call in (any_client.get, any_client.invoke, any_client.delete):
        with pytest.raises(refused) as error:
            call("f")
        assert (error.value.status, error.value.code) == (404, "FunctionNotFound")


def test_initializer_runs_once_and_the_log_is_in_order(any_client: Any, code: bytes, make_event: MakeEvent) -> None:
    any_client.create("f", code=code, initializer="index.initializer", initializationTimeout=10)
    first = any_client.invoke("f", make_event("echo", text="one"))
    second = any_client.invoke("f", make_event("state"))
    request = first.headers["x-fc-request-id"]
    notes = "FC Note: python3.10 runs on "  # where this machine has no Python of that version
    lines = [line for line in first.log.splitlines() if not line.startswith(notes)]
    assert lines[:-2] == [
        f"FC Initialize Start RequestId: {request}",
        "initializing",
        f"FC Initialize End RequestId: {request}",
        f"FC Invoke Start RequestId: {request}",
        "printed one",
        "complained one",
        f"FC Invoke End RequestId: {request}",
    ]
    use = r"Duration: [0-9.]+ ms, Billed Duration: [0-9]+ ms, Memory Size: \d+ MB, Max Memory Used: [0-9.]+ MB"
    assert not lines[-2]
    assert re.fullmatch(use, lines[-1])
    assert second.json["initializer"] == 1
    assert "Initialize" not in second.log
    assert second.headers["x-fc-instance-id"] == first.headers["x-fc-instance-id"]


def test_answer_headers(any_client: Any, code: bytes, make_event: MakeEvent) -> None:
    checksum = any_client.create("f", code=code)["codeChecksum"]
    answer = any_client.invoke("f", make_event("sleep", seconds=0.3), log="None")
    assert answer.status == 200
    assert answer.headers["x-fc-code-checksum"] == checksum
    assert 300 <= int(answer.headers["x-fc-invocation-duration"]) < 3000
    assert 1 < float(answer.headers["x-fc-max-memory-usage"]) < 128
    assert "x-fc-log-result" not in answer.headers
    assert answer.error_type is None


def test_log_tail_is_the_last_4_kilobytes(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code)
    log = client.invoke("f", make_event("log", lines=1000)).log
    assert len(log) == 4096
    assert "line 999 " in log
    assert log.splitlines()[-3].startswith("FC Invoke End RequestId: ")


@pytest.mark.parametrize(("runtime", "version"), [("python3.10", [3, 10]), ("python3.12", [3, 12])])
def test_environment_and_context(
    any_client: Any, code: bytes, make_event: MakeEvent, runtime: str, version: list[int], cloud: Running
) -> None:
    any_client.create("f", code=code, runtime=runtime, memorySize=320, environmentVariables={"MINE": "yes"})
    answer = any_client.invoke("f", make_event("environment"))
    got, environment = answer.json, answer.json["environment"]
    if "runs on" not in answer.log:  # this machine may not have that Python, and then the log says so
        assert got["version"] == version
    assert environment["MINE"] == "yes"
    assert environment["FC_FUNC_CODE_PATH"] == got["cwd"] == got["path"][0] == "/code"
    assert environment["FC_FUNCTION_MEMORY_SIZE"] == "320"
    assert environment["FC_FUNCTION_HANDLER"] == "index.handler"
    assert environment["FC_REGION"] == got["context"]["region"] == cloud.region
    assert environment["FC_ACCOUNT_ID"] == got["context"]["account_id"] == cloud.account_id
    assert environment["FC_INSTANCE_ID"] == answer.headers["x-fc-instance-id"]
    assert got["context"]["request_id"] == answer.headers["x-fc-request-id"]
    assert got["context"]["function"]["memory"] == 320
    assert got["context"]["function"]["timeout"] == 3
    assert got["logger"] == (runtime == "python3.12")
    assert ("credentials" in got["context"]) == (runtime != "python3.12")
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" not in environment  # it has no role
    assert {folder for folder in got["path"] if "site-packages" in folder} == {
        f"/opt/python/lib/{runtime}/site-packages"
    }
    if runtime == "python3.12":
        assert "service" not in got["context"]
        assert got["context"]["function"]["qualifier"] == "LATEST"
    else:
        assert ("FC_SERVICE_NAME" in environment) == (got["context"]["service"]["name"] != "")


def test_the_context_names_where_a_function_of_fc_3_logs(
    cloud: Running, client_of: Callable[..., Any], code: bytes, make_event: MakeEvent
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=code, logConfig={"project": "p", "logstore": "s"})
    service = client.invoke("f", make_event("environment")).json["context"]["service"]
    assert (service["log_project"], service["log_store"]) == ("p", "s")


def test_exception_of_the_handler(any_client: Any, code: bytes, make_event: MakeEvent) -> None:
    any_client.create("f", code=code)
    answer = any_client.invoke("f", make_event("raise"))
    assert answer.status == 200
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"] == "no such thing"
    assert answer.json["errorType"] == "ValueError"
    assert "bootstrap" not in json.dumps(answer.json["stackTrace"])
    file, line, name, source = answer.json["stackTrace"][-1]
    assert (file, name, source) == ('File "/code/index.py"', "in do_raise", 'raise ValueError("no such thing")')
    assert line.startswith("line ")
    request_id = answer.headers["x-fc-request-id"]
    assert f'{request_id} [ERROR] {{"errorMessage": "no such thing", "errorType": "ValueError"' in answer.log
    assert f"FC Invoke End RequestId: {request_id}, Error: Unhandled function error" in answer.log
    assert any_client.invoke("f", make_event("state")).error_type is None


def test_import_failure_and_missing_handler(any_client: Any, code: bytes, zip_of: Any) -> None:
    any_client.create("broken", code=zip_of({"index.py": "import not_there"}))
    any_client.create("nothing", code=zip_of({"other.py": ""}))
    any_client.create("missing", code=code, handler="index.nobody")
    broken = any_client.invoke("broken")
    assert broken.error_type == "UnhandledInvocationError"
    assert broken.json == {
        "errorMessage": "Unable to import module 'index'",
        "errorType": "ImportModuleError",
        "stackTrace": ["ModuleNotFoundError: No module named 'not_there'"],
    }
    assert 'File "/code/index.py", line 1' in broken.log
    assert "Unable to import module 'index'" in any_client.invoke("nothing").json["errorMessage"]
    missing = any_client.invoke("missing").json
    assert missing["errorMessage"] == "Handler 'nobody' is missing on module 'index'"
    assert missing["errorType"] == "HandlerNotFound"


def test_leaving_the_process_is_no_exception(client: Any, zip_of: Any) -> None:
    source = "import sys\n\ndef handler(event, context):\n    sys.exit(event.decode() or None)\n"
    client.create("f", code=zip_of({"index.py": source}))
    for event in (b"", b"why"):
        answer = client.invoke("f", event)
        assert answer.error_type == "UnhandledInvocationError"
        assert answer.json["errorMessage"].startswith("Process exited unexpectedly before completing request")
        assert event.decode() in answer.log


def test_a_layer_may_hold_what_pip_installs_with_a_prefix(client: Any, zip_of: Any) -> None:
    """It lies in lib/pythonX.Y/site-packages then, and comes before /opt/python itself."""
    source = "import sys\n\ndef handler(event, context):\n    return [each for each in sys.path if each.startswith('/opt')]\n"
    client.create("f", code=zip_of({"index.py": source}))
    first, second = client.invoke("f").json
    assert first.startswith("/opt/python/lib/python3.")
    assert (first.rpartition("/")[2], second) == ("site-packages", "/opt/python")


def test_what_is_logged_has_time_request_and_level(client: Any, zip_of: Any) -> None:
    source = "import logging\n\ndef handler(event, context):\n    logging.getLogger('mine').info('hello')\n"
    client.create("f", code=zip_of({"index.py": source}))
    answer = client.invoke("f")
    assert f"Z {answer.headers['x-fc-request-id']} [INFO] hello\n" in answer.log


def test_death_of_the_process(any_client: Any, code: bytes, make_event: MakeEvent) -> None:
    any_client.create("f", code=code)
    answer = any_client.invoke("f", make_event("exit"))
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"].startswith("Process exited unexpectedly before completing request (duration: ")
    assert "maxMemoryUsage: " in answer.json["errorMessage"]
    after = any_client.invoke("f", make_event("state"))
    assert after.error_type is None
    assert after.headers["x-fc-instance-id"] != answer.headers["x-fc-instance-id"]


@pytest.mark.parametrize("init", ["raise", "30"])
def test_failed_initializer_fails_that_request_only(
    any_client: Any, code: bytes, make_event: MakeEvent, init: str
) -> None:
    any_client.create(
        "f",
        code=code,
        initializer="index.initializer",
        initializationTimeout=2,  # its process, too, has to start in that time
        environmentVariables={"INIT": init},
    )
    first, second = any_client.invoke("f", make_event("state")), any_client.invoke("f", make_event("state"))
    for answer in (first, second):
        assert answer.status == 200
        assert answer.error_type == "InitializationError"
        assert answer.log.count("initializing") == 1
        assert "Invoke" not in answer.log
    message = first.json["errorMessage"]
    assert (
        message == "cannot start" if init == "raise" else message.startswith("Function initializer timed out after 2 s")
    )
    assert first.headers["x-fc-instance-id"] != second.headers["x-fc-instance-id"]


def test_async_invocation_runs_later_and_is_tried_three_times(
    any_client: Any, code: bytes, make_event: MakeEvent, cloud: Running
) -> None:
    any_client.create("f", code=code)
    answer = any_client.invoke("f", make_event("raise"), kind="Async", log="None")
    assert (answer.status, answer.body) == (202, b"")
    request = answer.headers["x-fc-request-id"]

    def logged() -> str:
        return "".join(
            path.read_text() for path in (cloud.data / "fc" / "logs").glob("*.log") if request in path.read_text()
        )

    wait_for(lambda: f"FC Async Attempt 3 of 3 failed RequestId: {request}" in logged())
    assert logged().count(f"FC Invoke Start RequestId: {request}") == 3
    wait_for(lambda: not list((cloud.data / "fc" / "pending").iterdir()))


def test_events_that_are_too_large(client: Any, code: bytes, make_event: MakeEvent, refused: Any) -> None:
    client.create("f", code=code)
    assert client.invoke("f", make_event("echo", text="x" * 1_000_000)).body == b"x" * 1_000_000
    for kind, size in (("Sync", 32 * 1024**2 + 1), ("Async", 128 * 1024 + 1)):
        with pytest.raises(refused) as error:
            client.invoke("f", bytes(size), kind=kind, log="None")
        assert (error.value.status, error.value.code) == (400, "EntityTooLarge")
