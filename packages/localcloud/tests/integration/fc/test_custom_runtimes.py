"""Custom runtimes: a program of the code package's own that serves HTTP."""

from __future__ import annotations

import http.client
import io
import json
import stat
import textwrap
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from alibabacloud_fc20230330 import models as models3

Running = Any  # the running cloud of tests/support/cloud.py

SERVER = textwrap.dedent(
    """
    #!/usr/bin/env python3
    import http.server, json, os, sys, threading, time

    INITIALIZED = []
    GOES_ON = threading.Event()


    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            print("SERVES", self.path, flush=True)
            if self.path == "/initialize":
                INITIALIZED.append(self.headers["x-fc-request-id"])
            if self.path == "/healthz" and os.path.exists("/tmp/ill"):
                return self.send_error(503)
            if body == b"ill":
                open("/tmp/ill", "w").close()
                time.sleep(60)
            if body == b"exit":
                os._exit(3)
            if self.path == "/parts":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"5\\r\\nfirst\\r\\n")
                GOES_ON.wait()
                if body == b"cut":
                    os._exit(4)
                return self.wfile.write(b"6\\r\\nsecond\\r\\n0\\r\\n\\r\\n")
            if self.path == "/go-on":
                GOES_ON.set()
            shown = {"path": self.path, "body": body.decode(), "initialized": len(INITIALIZED), "arguments": sys.argv[1:]}
            shown |= {name.lower(): value for name, value in self.headers.items()}
            result = json.dumps(shown).encode()
            self.send_response(201 if self.path.startswith("/web") else 200)
            if body == b"fail":
                self.send_header("x-fc-status", "404")
            self.send_header("X-Own", "1")
            self.send_header("Content-Length", str(len(result)))
            self.end_headers()
            self.wfile.write(result)

        do_GET = do_POST

        def log_message(self, *_):
            pass


    port = int(sys.argv[1]) if sys.argv[1:] else 9000
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
    """
).lstrip()


@pytest.fixture
def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, SERVER)
    return buffer.getvalue()


def test_a_program_serves_events_and_its_failures_and_end_are_told(any_client: Any, package: bytes) -> None:
    any_client.create("f", code=package, runtime="custom", handler="none", initializer="none", initializationTimeout=20)
    answer = any_client.invoke("f", b"hello")
    assert answer.error_type is None, answer.log
    assert answer.json | {"path": "/invoke", "body": "hello", "initialized": 1} == answer.json
    assert answer.json["x-fc-request-id"] == answer.headers["x-fc-request-id"]
    assert answer.json["x-fc-control-path"] == "/invoke"
    assert "SERVES /initialize" in answer.log
    assert "SERVES /invoke" in answer.log
    failed = any_client.invoke("f", b"fail")
    assert failed.error_type == "UnhandledInvocationError"
    assert failed.json["body"] == "fail"  # as the program has it
    ended = any_client.invoke("f", b"exit")
    assert ended.error_type == "UnhandledInvocationError"
    assert "the custom runtime has exited with 3" in ended.log
    assert any_client.invoke("f", b"again").json["body"] == "again"


def test_its_command_and_port_are_the_functions(cloud: Running, client_of: Callable[..., Any], package: bytes) -> None:
    client = client_of(cloud, "fc3")
    config = {"command": ["python3"], "args": ["bootstrap", "8123"], "port": 8123}
    client.create("f", code=package, runtime="custom.debian11", timeout=20, customRuntimeConfig=config)
    assert client.get("f")["customRuntimeConfig"] == config
    assert client.invoke("f").json["arguments"] == ["8123"]


@pytest.mark.parametrize("kind", ["open2021", "fc3"])
def test_an_instance_whose_health_checks_fail_is_ended(
    cloud: Running, client_of: Callable[..., Any], package: bytes, kind: str
) -> None:
    client = client_of(cloud, kind)
    check = {"httpGetUrl": "/healthz", "initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 2}
    given: dict[str, Any] = (
        {"customRuntimeConfig": {"healthCheckConfig": check}} if kind == "fc3" else {"customHealthCheckConfig": check}
    )
    client.create("f", code=package, runtime="custom", timeout=50, **given)
    shown = client.get("f")
    assert (
        check.items()
        <= (
            shown["customRuntimeConfig"]["healthCheckConfig"] if kind == "fc3" else (shown["customHealthCheckConfig"])
        ).items()
    )
    assert client.invoke("f", b"well").error_type is None
    ill = client.invoke("f", b"ill")
    assert ill.error_type == "UnhandledInvocationError"
    assert ill.json["errorMessage"].endswith("its health checks failed")
    assert "GET /healthz was answered 503" in ill.log
    assert client.invoke("f", b"well").error_type is None  # by a new instance


def trigger(client: Any) -> SplitResult:
    """Create an HTTP trigger of function `f`, and return its URL."""
    config = json.dumps({"methods": ["POST"], "authType": "anonymous"})
    body = models3.CreateTriggerInput(trigger_name="t", trigger_type="http", trigger_config=config)
    made = client.client.create_trigger(client.prefix + "f", models3.CreateTriggerRequest(body=body)).body
    url: str = made.http_trigger.url_internet
    return urlsplit(url)


@pytest.mark.parametrize("end", [b"", b"cut"])
def test_a_response_of_unknown_length_goes_out_as_it_is_made(
    cloud: Running, client_of: Callable[..., Any], package: bytes, end: bytes
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=package, runtime="custom.debian12", timeout=20, instanceConcurrency=5)
    url = trigger(client)
    reading, other = (http.client.HTTPConnection(url.hostname or "", url.port, timeout=30) for _ in range(2))
    reading.request("POST", f"{url.path}/parts", end)
    answer = reading.getresponse()
    assert answer.headers["x-fc-instance-id"]
    assert answer.read(5) == b"first"
    other.request("POST", f"{url.path}/go-on")  # served beside the one that is not done
    if end:
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    else:
        assert answer.read() == b"second"
    assert other.getresponse().status in (200, 502)  # its instance may have ended before it answered
    for connection in (reading, other):
        connection.close()


def test_http_requests_are_passed_through(cloud: Running, client_of: Callable[..., Any], package: bytes) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=package, runtime="custom.debian12", timeout=20)
    url = trigger(client)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    connection.request("POST", f"{url.path}/web/a%20b?c=d", b"hello", {"X-Mine": "2"})
    answer = connection.getresponse()
    shown = json.loads(answer.read())
    connection.close()
    assert (answer.status, answer.headers["X-Own"]) == (201, "1")
    assert shown | {"path": "/web/a%20b?c=d", "body": "hello", "x-mine": "2", "host": url.netloc} == shown


def test_a_code_package_without_its_program_is_told(cloud: Running, client_of: Callable[..., Any], zip_of: Any) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"other": ""}), runtime="custom", timeout=20)
    answer = client.invoke("f")
    assert answer.error_type == "UnhandledInvocationError"
    assert "cannot be started: /code/bootstrap" in answer.log


@pytest.mark.parametrize(
    ("runtime", "variable", "files"),
    [
        ("custom", "PYTHONPATH", {"server.py": f"import told\n{SERVER}"}),
        (
            "python3.10",
            "PYTHONPATH",
            {"index.py": "from told import TOLD\n\ndef handler(event, context):\n    return TOLD"},
        ),
        (
            "nodejs20",
            "NODE_PATH",
            {"index.js": "exports.handler = (event, context, end) => end(null, require('told'))"},
        ),
    ],
)
def test_modules_are_found_where_the_functions_own_variable_says(
    cloud: Running,
    client_of: Callable[..., Any],
    zip_of: Callable[..., bytes],
    runtime: str,
    variable: str,
    files: dict[str, str],
) -> None:
    told = {"lib/told.py": "TOLD = 'told'", "lib/told.js": "module.exports = 'told'"}
    command = {"customRuntimeConfig": {"command": ["python3", "server.py"]}} if runtime == "custom" else {}
    client = client_of(cloud, "fc3")
    code = zip_of({**told, **files})
    client.create("f", code=code, runtime=runtime, timeout=20, environmentVariables={variable: "/code/lib"}, **command)
    answer = client.invoke("f", b"hello")
    assert answer.error_type is None, answer.log
