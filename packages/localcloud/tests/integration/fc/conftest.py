"""The three official clients of Function Compute behind one small face, and a function that does what its event says."""

from __future__ import annotations

import base64
import io
import json
import textwrap
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import fc2
import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc20230330.client import Client as Client3
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_fc_open20210406.client import Client as Client2
from alibabacloud_tea_util.models import RuntimeOptions
from darabonba.runtime import RuntimeOptions as RuntimeOptions3

Running = Any  # the running cloud of tests/support/cloud.py

FUNCTION = textwrap.dedent(
    """
    import ctypes, json, multiprocessing, os, subprocess, sys, threading, time
    from concurrent.futures import ProcessPoolExecutor

    STATE = {"initializer": 0, "ticks": 0, "gap": 0.0}


    def initializer(context):
        STATE["initializer"] += 1
        print("initializing")
        do = os.environ.get("INIT", "")
        if do == "raise":
            raise RuntimeError("cannot start")
        if do:
            time.sleep(float(do))


    def tick():
        before = time.monotonic()
        while True:
            STATE["ticks"] += 1
            time.sleep(0.005)
            now = time.monotonic()
            STATE["gap"] = max(STATE["gap"], now - before)
            before = now


    def handler(event, context):
        order = json.loads(event or b"{}")
        return globals()["do_" + order.pop("do", "state")](context, **order)


    def do_state(context):
        return json.dumps({**STATE, "pid": os.getpid()})


    def do_echo(context, text):
        print("printed", text)
        print("complained", text, file=sys.stderr)
        return text


    def do_log(context, lines):
        for number in range(lines):
            print("line", number, "x" * 90)


    def do_environment(context):
        shown = {name: vars(value) if hasattr(value, "__dict__") else value for name, value in vars(context).items()}
        shown.pop("logger", None)
        return {"environment": dict(os.environ), "context": shown, "logger": hasattr(context, "logger"),
                "version": sys.version_info[:2], "cwd": os.getcwd(), "path": sys.path}


    def do_raise(context):
        raise ValueError("no such thing")


    def do_exit(context):
        os._exit(3)


    def do_sleep(context, seconds):
        time.sleep(seconds)


    def do_late(context, seconds):
        time.sleep(seconds)
        import late
        return late.NAME


    def do_memory(context, megabytes):
        kept = []
        for _ in range(megabytes):
            kept.append(os.urandom(1 << 20))
        return "kept"


    def do_disk(context, megabytes):
        try:
            with open("/tmp/big", "wb") as file:
                for _ in range(megabytes):
                    file.write(bytes(1 << 20))
        except OSError as error:
            return {"errno": error.errno}
        return {"size": os.path.getsize("/tmp/big")}


    def do_fill(context, path):
        with open(path, "wb") as file:
            while True:
                file.write(bytes(1 << 20))
                time.sleep(0.001)


    def do_tick(context):
        threading.Thread(target=tick, daemon=True).start()


    def do_children(context):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
        time.sleep(1000)


    def do_processes(context, method):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            return {"there": [*pool.map(double, range(3))], "workers": os.getpid() not in pool.map(ask, range(3))}


    def double(number):
        return 2 * number


    def ask(_):
        return os.getpid()


    def do_read(context, path):
        try:
            return {"content": open(path).read()[:100]}
        except OSError as error:
            return {"error": type(error).__name__}


    def do_write(context, path):
        try:
            open(path, "w").close()
        except OSError as error:
            return {"error": type(error).__name__}
        return {}


    def do_append(context, path):
        with open(path, "a") as file:
            file.write("x")
        return {"size": os.path.getsize(path)}
    """
)


def zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass(frozen=True)
class Answer:
    """The answer to an invocation."""

    status: int
    body: bytes
    headers: Mapping[str, str]  # lower-case names

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_type(self) -> str | None:
        return self.headers.get("x-fc-error-type")

    @property
    def log(self) -> str:
        return base64.b64decode(self.headers["x-fc-log-result"]).decode()


class RefusedError(Exception):
    """The API answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


class Client(Protocol):
    """The calls that the tests make through each client."""

    def create(self, name: str, *, code: bytes, runtime: str = "python3.10", **settings: Any) -> Mapping[str, Any]: ...
    def invoke(self, name: str, payload: bytes = b"", *, kind: str = "Sync", log: str = "Tail") -> Answer: ...
    def get(self, name: str) -> Mapping[str, Any]: ...
    def update(self, name: str, **settings: Any) -> Mapping[str, Any]: ...
    def functions(self) -> list[str]: ...
    def delete(self, name: str) -> None: ...


class Fc2:
    """aliyun-fc2, API version 2016-08-15."""

    def __init__(self, cloud: Running, service: str, role: str = "") -> None:
        self.client = fc2.Client(
            endpoint=cloud.endpoints["fc"], accessKeyID=cloud.access_key_id, accessKeySecret=cloud.access_key_secret
        )
        self.bucket = cloud.bucket(f"code-{service}")
        self.bucket.create_bucket()
        self.service = service
        self.client.create_service(service, role=role)

    def _do(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except fc2.fc_exceptions.FcError as error:
            raise RefusedError(error.status_code, error.err_code, error.message) from None

    def create(self, name: str, *, code: bytes, runtime: str = "python3.10", **settings: Any) -> Any:
        settings = {"handler": "index.handler", "timeout": 3, **settings}
        # By way of OSS, since the client leaves files open that it is told to send.
        self.bucket.put_object(name, code)
        settings |= {"codeOSSBucket": self.bucket.bucket_name, "codeOSSObject": name}
        return self._do(lambda: self.client.create_function(self.service, name, runtime, **settings)).data

    def invoke(self, name: str, payload: bytes = b"", *, kind: str = "Sync", log: str = "Tail") -> Answer:
        headers = {"x-fc-invocation-type": kind, "x-fc-log-type": log}
        # invoke_function raises for errors of the function and drops their headers: its request is sent by its own parts
        path = f"/2016-08-15/services/{self.service}/functions/{name}/invocations"
        signed = self.client._build_common_headers("POST", path, headers)
        done = self._do(lambda: self.client._do_request("POST", path, signed, body=payload))
        return Answer(done.status_code, done.content, {k.lower(): v for k, v in done.headers.items()})

    def get(self, name: str) -> Any:
        return self._do(lambda: self.client.get_function(self.service, name)).data

    def update(self, name: str, **settings: Any) -> Any:
        return self._do(lambda: self.client.update_function(self.service, name, **settings)).data

    def functions(self) -> list[str]:
        return [
            each["functionName"]
            for each in self._do(lambda: self.client.list_functions(self.service)).data["functions"]
        ]

    def delete(self, name: str) -> None:
        self._do(lambda: self.client.delete_function(self.service, name))


class Tea:
    """The calls that the two generated clients have in common."""

    def _do(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the generated clients raise types of their own per generation
            data = getattr(error, "data", None) or {}
            status = data.get("statusCode") or getattr(error, "statusCode", 0)
            refused: Any = error  # its code and message are those of either SDK
            raise RefusedError(int(status or 0), refused.code, str(refused.message)) from None


class Open2021(Tea):
    """alibabacloud-fc-open20210406."""

    def __init__(self, cloud: Running, service: str, role: str = "") -> None:
        self.client = Client2(cloud.config("fc"))
        self.service = service
        self.client.create_service(models2.CreateServiceRequest(service_name=service, role=role or None))

    def create(self, name: str, *, code: bytes, runtime: str = "python3.10", **settings: Any) -> Any:
        fields = {"handler": "index.handler", "functionName": name, "runtime": runtime, **settings}
        fields["code"] = {"zipFile": base64.b64encode(code).decode()}
        request = models2.CreateFunctionRequest().from_map(fields)
        return self._do(lambda: self.client.create_function(self.service, request)).body.to_map()

    def invoke(self, name: str, payload: bytes = b"", *, kind: str = "Sync", log: str = "Tail") -> Answer:
        headers = models2.InvokeFunctionHeaders(x_fc_invocation_type=kind, x_fc_log_type=log)
        request = models2.InvokeFunctionRequest(body=payload)
        done = self._do(
            lambda: self.client.invoke_function_with_options(self.service, name, request, headers, RuntimeOptions())
        )
        return Answer(done.status_code, done.body, {k.lower(): v for k, v in done.headers.items()})

    def get(self, name: str) -> Any:
        request = models2.GetFunctionRequest()
        return self._do(lambda: self.client.get_function(self.service, name, request)).body.to_map()

    def update(self, name: str, **settings: Any) -> Any:
        request = models2.UpdateFunctionRequest().from_map(settings)
        return self._do(lambda: self.client.update_function(self.service, name, request)).body.to_map()

    def functions(self) -> list[str]:
        done = self._do(lambda: self.client.list_functions(self.service, models2.ListFunctionsRequest()))
        return [each.function_name for each in done.body.functions]

    def delete(self, name: str) -> None:
        self._do(lambda: self.client.delete_function(self.service, name))


class Fc3(Tea):
    """alibabacloud-fc20230330. It has no services: the name of one goes in front of the function's."""

    def __init__(self, cloud: Running, service: str, role: str = "") -> None:
        self.client = Client3(cloud.config("fc"))
        self.prefix = service + "-"
        self.role = role

    def create(self, name: str, *, code: bytes, runtime: str = "python3.10", **settings: Any) -> Any:
        fields = {"handler": "index.handler", "functionName": self.prefix + name, "runtime": runtime, **settings}
        if self.role:
            fields["role"] = self.role
        initializer = fields.pop("initializer", None)
        timeout = fields.pop("initializationTimeout", None)
        if initializer:
            fields["instanceLifecycleConfig"] = {"initializer": {"handler": initializer, "timeout": timeout or 3}}
        fields["code"] = {"zipFile": base64.b64encode(code).decode()}
        body = models3.CreateFunctionInput().from_map(fields)
        return self._do(lambda: self.client.create_function(models3.CreateFunctionRequest(body=body))).body.to_map()

    def invoke(self, name: str, payload: bytes = b"", *, kind: str = "Sync", log: str = "Tail") -> Answer:
        headers = models3.InvokeFunctionHeaders(x_fc_invocation_type=kind, x_fc_log_type=log)
        request = models3.InvokeFunctionRequest(body=io.BytesIO(payload) if payload else None)
        done = self._do(
            lambda: self.client.invoke_function_with_options(self.prefix + name, request, headers, RuntimeOptions3())
        )
        body = done.body.read() if done.body else b""
        return Answer(done.status_code, body, {k.lower(): v for k, v in done.headers.items()})

    def get(self, name: str) -> Any:
        request = models3.GetFunctionRequest()
        return self._do(lambda: self.client.get_function(self.prefix + name, request)).body.to_map()

    def update(self, name: str, **settings: Any) -> Any:
        request = models3.UpdateFunctionRequest(body=models3.UpdateFunctionInput().from_map(settings))
        return self._do(lambda: self.client.update_function(self.prefix + name, request)).body.to_map()

    def functions(self) -> list[str]:
        request = models3.ListFunctionsRequest(prefix=self.prefix)
        done = self._do(lambda: self.client.list_functions(request))
        return [each.function_name.removeprefix(self.prefix) for each in done.body.functions]

    def delete(self, name: str) -> None:
        self._do(lambda: self.client.delete_function(self.prefix + name))


CLIENTS: Mapping[str, Callable[..., Client]] = {"fc2": Fc2, "open2021": Open2021, "fc3": Fc3}


@pytest.fixture
def service() -> str:
    """A service name that no other test has."""
    return "s" + uuid.uuid4().hex[:10]


@pytest.fixture(params=list(CLIENTS))
def any_client(request: pytest.FixtureRequest, cloud: Running, service: str) -> Client:
    """Each of the three clients in turn."""
    return CLIENTS[request.param](cloud, service)


@pytest.fixture
def client(cloud: Running, service: str) -> Open2021:
    """One client, for what lies behind the API."""
    return Open2021(cloud, service)


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """Return a client of another cloud, or one whose functions have a role."""

    def make(cloud: Running, kind: str = "open2021", *, role: str = "") -> Client:
        return CLIENTS[kind](cloud, "s" + uuid.uuid4().hex[:10], role)

    return make


@pytest.fixture
def code() -> bytes:
    """The code package of the function that does what its event says."""
    return zipped({"index.py": FUNCTION})


@pytest.fixture
def code_of() -> Callable[..., bytes]:
    """Make a code package of that function with a module `late`."""
    return lambda late: zipped({"index.py": FUNCTION, "late.py": f"NAME = {late!r}"})


@pytest.fixture
def zip_of() -> Callable[[Mapping[str, str]], bytes]:
    """Make a code package."""
    return zipped


@pytest.fixture
def refused() -> type[Exception]:
    """The error that a client raises when the API refuses a request: has status, code and message."""
    return RefusedError


@pytest.fixture
def make_event() -> Callable[..., bytes]:
    """Make the event that tells the function what to do."""

    def make(do: str, **arguments: Any) -> bytes:
        return json.dumps({"do": do, **arguments}).encode()

    return make


@pytest.fixture
def instances_of() -> Callable[[Running], list[dict[str, Any]]]:
    """Return what a cloud says of its running instances."""

    def ask(cloud: Running) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            cloud.endpoints["fc"] + "/-/localcloud/instances",
            headers={"Authorization": f"Bearer {cloud.access_key_secret}"},
        )
        with urllib.request.urlopen(request) as response:
            shown: list[dict[str, Any]] = json.load(response)["instances"]
            return shown

    return ask
