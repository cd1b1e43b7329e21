"""Answers to a caller when a start goes wrong: the platform, the loader and the store together, with a small applib."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import signal
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import oss2
import pytest
import requests

from bench.archives import model_of
from bench.direct import BUCKET, SERVICE, function_settings, make_bucket
from bench.functions import FunctionService, FunctionSettings, StoredCode
from bench.roles import create_function_role
from heavylift.build.machine import find_interpreter
from heavylift.build.pack import pack
from heavylift.clouds.archives import upload
from heavylift.clouds.embedded import EmbeddedCloud, Endpoints
from heavylift.clouds.invocation import Invocation
from heavylift.contracts.manifest import Build
from heavylift.contracts.startlog import find_starts
from tests.support.waiting import wait_for

USER = """
import heavy

def handler(event, context):
    return heavy.ANSWER
"""
MB = 1024 * 1024
pytestmark = pytest.mark.timeout(900)  # the first build downloads and packs more than a gigabyte


@dataclass(frozen=True)
class Stage:
    """An embedded cloud with a function whose applib is 24 MB of noise and one module."""

    endpoints: Endpoints
    bucket: oss2.Bucket
    service: FunctionService
    settings: FunctionSettings

    def link(self, **record: object) -> None:
        """Set the link's shape and faults."""
        body = {"shape": {}, "faults": [], **record}
        response = requests.put(f"{self.endpoints.oss}/-/localcloud/link", json=body, headers=self._admin, timeout=10)
        assert response.status_code == 200, response.text

    @property
    def _admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoints.access_key_secret}"}

    def instances(self) -> list[dict[str, object]]:
        url = f"{self.endpoints.fc}/-/localcloud/instances"
        found: list[dict[str, object]] = requests.get(url, headers=self._admin, timeout=10).json()["instances"]
        return found

    def invoke(self, **environment: str) -> Invocation:
        """Invoke on a fresh instance."""
        settings = replace(self.settings, environment={**self.settings.environment, **environment})
        self.service.create_function(settings)
        return self.service.invoke(settings.name)


@pytest.fixture(scope="module")
def stage(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    tree = folder / "tree"
    tree.mkdir()
    (tree / "heavy.py").write_text("ANSWER = 'loaded'\n")
    (tree / "noise.bin").write_bytes(random.Random(1).randbytes(24 * MB))
    packed = pack(tree, folder / "{digest}.zip", progress=lambda _done, _total: None, level=1)
    applib = replace(build.applib, path=packed.path, key="applib/small.zip", digest=packed.digest)
    with EmbeddedCloud(folder / "data", ["--fc-python", str(find_interpreter(build.target))]) as endpoints:
        bucket = make_bucket(endpoints)
        for archive in (applib, model_of(build)):
            upload(bucket, archive.path, archive.key, lambda _done: None, checkpoints=folder)
        service = FunctionService(endpoints, SERVICE)
        service.create(role_arn=create_function_role(endpoints, bucket=BUCKET))
        settings = function_settings(replace(build, applib=applib), endpoints)
        settings = replace(
            settings,
            code=_with_user_module(settings.code, folder),
            environment={**settings.environment, "HandlerModule": "user.handler"},
        )
        yield Stage(endpoints, bucket, service, settings)


def _with_user_module(code: bytes | StoredCode, folder: Path) -> bytes:
    assert isinstance(code, bytes)
    path = folder / "code.zip"
    path.write_bytes(code)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("user.py", USER)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def clean(stage: Stage) -> Iterator[None]:
    """A link without faults before, and no function left after each test."""
    stage.link()
    yield
    stage.link()
    stage.service.delete_function(stage.settings.name)


def described(invocation: Invocation) -> dict[str, str]:
    assert invocation.error_type == "InitializationError", invocation.body
    answer: dict[str, str] = json.loads(invocation.body)
    return answer


def assert_next_succeeds(stage: Stage) -> None:
    again = stage.service.invoke(stage.settings.name)
    assert again.body == b"loaded", again.body


def test_a_healthy_start(stage: Stage) -> None:
    assert stage.invoke().body == b"loaded"


def test_an_instance_killed_in_the_middle_of_the_fetch(stage: Stage) -> None:
    stage.link(shape={"bandwidth": 20e6, "latency": 0.01})  # the fetch would take ten seconds
    answers: list[Invocation] = []
    caller = threading.Thread(target=lambda: answers.append(stage.invoke()))
    caller.start()
    instance = wait_for(lambda: next((each for each in stage.instances() if int(str(each["disk"])) > MB), None))
    assert instance is not None
    os.kill(int(str(instance["pid"])), signal.SIGKILL)
    caller.join(30)
    assert "Process exited unexpectedly before completing request" in described(answers[0])["errorMessage"]
    stage.link()
    assert_next_succeeds(stage)


def test_a_link_that_resets_every_five_megabytes(stage: Stage) -> None:
    stage.link(faults=[{"kind": "reset", "prefix": "applib/", "after": 5 * MB // 4, "times": 6}])
    answer = stage.invoke()
    assert answer.body == b"loaded", answer.body
    (start,) = find_starts(answer.log_tail.splitlines())
    assert start.retries > 0


def test_a_corrupted_byte(stage: Stage) -> None:
    stage.link(faults=[{"kind": "corrupt", "prefix": "applib/", "after": 10 * MB, "times": -1}])
    error = described(stage.invoke())
    assert error["errorType"] in {"DigestMismatchError", "InvalidArchiveError"}
    assert "applib/small.zip" in error["errorMessage"]
    stage.link()
    assert_next_succeeds(stage)


def test_a_missing_object(stage: Stage) -> None:
    error = described(stage.invoke(AppLibObject="applib/none.zip"))
    assert error["errorType"] == "ObjectNotFoundError"
    assert "applib/none.zip" in error["errorMessage"]


def test_an_object_that_the_role_may_not_read(stage: Stage) -> None:
    stage.bucket.put_object("secret/applib.zip", b"PK")
    error = described(stage.invoke(AppLibObject="secret/applib.zip"))
    assert error["errorType"] == "AccessDeniedError"
    assert "oss:GetObject" in error["errorMessage"]
    assert "secret/applib.zip" in error["errorMessage"]


def test_a_token_that_the_store_does_not_take(stage: Stage) -> None:
    stale = {"ALIBABA_CLOUD_SECURITY_TOKEN": base64.b64encode(b"an old token").decode()}
    error = described(_with_credentials(stage, stale))
    assert error["errorType"] == "AccessDeniedError"
    assert "oken" in error["errorMessage"]
    assert stale["ALIBABA_CLOUD_SECURITY_TOKEN"] not in error["errorMessage"]


def _with_credentials(stage: Stage, changed: dict[str, str]) -> Invocation:
    """Invoke a function that spoils its own credentials before the loader sees them."""
    wrapper = "import os\n" + "".join(f"os.environ[{name!r}] = {value!r}\n" for name, value in changed.items())
    wrapper += "import loader\n\ndef initializer(context):\n    context.credentials.security_token = "
    wrapper += (
        "os.environ['ALIBABA_CLOUD_SECURITY_TOKEN']\n    loader.initializer(context)\n\nhandler = loader.handler\n"
    )
    assert isinstance(stage.settings.code, bytes)
    buffer = io.BytesIO(stage.settings.code)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("spoiled.py", wrapper)
    settings = replace(
        stage.settings, code=buffer.getvalue(), handler="spoiled.handler", initializer="spoiled.initializer"
    )
    stage.service.create_function(settings)
    return stage.service.invoke(settings.name)
