"""The deployment's handler: its code package, its answers, and its work on a bucket in memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from heavylift.cdk.handler_package import write_handler_package
from heavylift.contracts.failures import ObjectNotFoundError, StoreError

STACK = "stack-1"
Import = Callable[[str], ModuleType]


def test_the_code_package_needs_the_standard_library_alone(tmp_path: Path) -> None:
    write_handler_package(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import heavylift, index; print(heavylift.__file__, index.handler)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr


def test_the_code_package_is_the_same_from_any_folder(tmp_path: Path) -> None:
    packages = []
    for name in ("one", "two"):
        write_handler_package(tmp_path / name)
        packages.append(
            {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.py")}
        )
    assert packages[0] == packages[1]


# Answers

REQUEST = {"RequestId": "r", "LogicalResourceId": "Archives", "StackId": STACK, "ResponseURL": "http://ros.invalid/x"}


@pytest.mark.parametrize("failure", ["short", "x" * 100_000, "ü" * 5_000, '"\\\n' * 5_000, "\U0001f600" * 5_000])
def test_an_answer_is_never_too_long(handler_module: Import, failure: str) -> None:
    body = handler_module("answer").make(REQUEST, failure)
    record = json.loads(body)
    assert len(body) <= 4096
    assert record["Status"] == "FAILED"
    assert failure.startswith(record["Reason"])
    assert len(record["Reason"]) >= min(len(failure), 250)


def test_an_update_keeps_its_physical_id(handler_module: Import) -> None:
    make = handler_module("answer").make
    assert json.loads(make({**REQUEST, "PhysicalResourceId": "p"}, ""))["PhysicalResourceId"] == "p"
    assert json.loads(make(REQUEST, ""))["PhysicalResourceId"] == "Archives"


class Listener:
    """Takes answers after refusing the first few."""

    def __init__(self, failures: list[OSError]) -> None:
        self.failures = failures
        self.bodies: list[bytes] = []

    def __call__(self, request: urllib.request.Request, timeout: float) -> io.BytesIO:
        assert request.get_method() == "POST"
        if self.failures:
            raise self.failures.pop(0)
        self.bodies.append(request.data)  # type: ignore[arg-type]  # bytes are given
        return io.BytesIO()


def refusal(status: int) -> OSError:
    return urllib.error.HTTPError("http://ros.invalid", status, "", {}, io.BytesIO())  # type: ignore[arg-type]


def test_an_answer_is_sent_until_it_arrives(handler_module: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    listener, waits = Listener([TimeoutError(), refusal(503), ConnectionResetError()]), list[float]()
    monkeypatch.setattr(urllib.request, "urlopen", listener)
    handler_module("answer").send(REQUEST, "", sleep=waits.append)
    assert [json.loads(body)["Status"] for body in listener.bodies] == ["SUCCESS"]
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("failures", [[refusal(404)], [TimeoutError()] * 5], ids=["closed URL", "no listener"])
def test_an_answer_that_cannot_arrive_is_an_error(
    handler_module: Import, monkeypatch: pytest.MonkeyPatch, failures: list[OSError]
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", Listener(list(failures)))
    with pytest.raises(OSError):  # noqa: PT011 - whatever the last attempt met
        handler_module("answer").send(REQUEST, "", sleep=lambda _seconds: None)


# Work, on buckets in memory


class MemoryStore:
    """The calls of ObjectStore on a dictionary; damages the copies of keys that hold `bad`."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.objects: dict[tuple[str, str], Any] = {}
        self.deleted: list[str] = []

    def put(self, bucket: str, key: str, size: int = 1, crc64: str = "7", owner: str = "") -> None:
        metadata = {"heavylift-stack": owner} if owner else {}
        self.objects[bucket, key] = self.module.ObjectInfo(size, crc64, '"tag"', metadata)

    def keys(self, bucket: str) -> list[str]:
        return sorted(key for name, key in self.objects if name == bucket)

    def head(self, bucket: str, key: str) -> Any:
        if (bucket, key) not in self.objects:
            raise ObjectNotFoundError(f"HEAD {bucket}/{key}: not found")
        return self.objects[bucket, key]

    def copy(self, source: str, key: str, etag: str, bucket: str, target: str, metadata: dict[str, str]) -> None:
        info = self.head(source, key)
        self.put(bucket, target, info.size, "0" if "bad" in target else info.crc64, metadata["heavylift-stack"])

    def list(self, bucket: str, prefix: str) -> list[str]:
        return [key for key in self.keys(bucket) if key.startswith(prefix)]

    def delete(self, bucket: str, key: str) -> None:
        self.deleted.append(key)
        self.objects.pop((bucket, key), None)

    def extended(self, _deadline: object) -> MemoryStore:
        return self


@pytest.fixture
def store(handler_module: Import) -> MemoryStore:
    memory = MemoryStore(handler_module("objectstore"))
    for key in ("one", "two", "bad"):
        memory.put("assets", key)
    return memory


def deployment(*names: str) -> dict[str, Any]:
    sources = [{"bucket": "assets", "objectKey": name, "fileName": f"applib/{name}.zip"} for name in names]
    return {"StackId": STACK, "ResourceProperties": {"destinationBucket": "own", "sources": sources}}


def sweep(*names: str) -> dict[str, Any]:
    keep = [f"applib/{name}.zip" for name in names]
    return {"StackId": STACK, "ResourceProperties": {"destinationBucket": "own", "keep": keep}}


def test_copies_are_marked_and_made_once(handler_module: Import, store: MemoryStore) -> None:
    work = handler_module("archives").read_request(deployment("one"))
    work.apply(store)
    made = store.head("own", "applib/one.zip")
    assert made.metadata == {"heavylift-stack": STACK}
    work.apply(store)
    assert store.head("own", "applib/one.zip") is made


def test_a_damaged_copy_is_refused_and_leaves_nothing(handler_module: Import, store: MemoryStore) -> None:
    with pytest.raises(StoreError, match="the copy has 1 bytes and CRC-64 0, its source assets/bad"):
        handler_module("archives").read_request(deployment("one", "bad")).apply(store)
    assert store.keys("own") == []


def test_a_failed_update_leaves_what_was_there_before(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    read(deployment("one")).apply(store)
    with pytest.raises(StoreError):
        read(deployment("one", "two", "bad")).apply(store)
    assert store.keys("own") == ["applib/one.zip"]


def test_a_sweep_removes_what_earlier_deployments_of_this_stack_left(
    handler_module: Import, store: MemoryStore
) -> None:
    read = handler_module("archives").read_request
    read(deployment("one")).apply(store)
    read(deployment("two")).apply(store)
    store.put("own", "applib/users.zip")
    store.put("own", "applib/neighbours.zip", owner="stack-2")
    store.put("own", "pictures/own.zip", owner=STACK)
    read(sweep("two")).apply(store)
    assert store.keys("own") == [
        "applib/neighbours.zip", "applib/two.zip", "applib/users.zip", "pictures/own.zip",
    ]  # fmt: skip


def test_deletion_removes_its_copies_alone(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    read(deployment("one")).apply(store)
    read(deployment("two")).apply(store)
    store.put("own", "applib/users.zip")
    read(sweep("two")).remove(store)
    assert len(store.keys("own")) == 3
    read(deployment("two")).remove(store)
    assert store.keys("own") == ["applib/users.zip"]


@pytest.mark.parametrize("properties", [{}, {"destinationBucket": "b"}, {"destinationBucket": "b", "sources": ["x"]}])
def test_other_parameters_are_refused(handler_module: Import, properties: dict[str, Any]) -> None:
    archives = handler_module("archives")
    with pytest.raises(archives.RequestError, match="neither destinationBucket and sources, nor"):
        archives.read_request({"StackId": STACK, "ResourceProperties": properties})


def test_an_older_copy_of_its_own_is_replaced_and_never_lost(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    store.put("own", "applib/one.zip", crc64="8", owner=STACK)
    with pytest.raises(StoreError):
        read(deployment("one", "bad")).apply(store)
    assert store.head("own", "applib/one.zip").crc64 == "7"


def test_an_object_of_somebody_else_is_left_alone(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    store.put("own", "applib/one.zip")
    read(deployment("one")).apply(store)  # the same bytes serve as well
    store.put("own", "applib/two.zip", crc64="8")
    with pytest.raises(StoreError, match=r"applib/two\.zip: there is another object under this key"):
        read(deployment("two")).apply(store)
    read(deployment("one", "two")).remove(store)
    assert store.keys("own") == ["applib/one.zip", "applib/two.zip"]


# The whole handler


@dataclass
class Context:
    """The context that the platform passes."""

    timeout: float
    credentials: Any = field(default_factory=lambda: SimpleNamespace(
        access_key_id="ID", access_key_secret="a-secret", security_token="a-token",
    ))  # fmt: skip
    region: str = "cn-hangzhou"

    @property
    def function(self) -> Any:
        return SimpleNamespace(timeout=self.timeout)


@pytest.mark.parametrize(
    ("context", "properties", "said"),
    [
        (
            Context(timeout=60),
            None,
            "the deployment function's 0 s were used up while HEAD assets/one; deploy again to go on",
        ),
        (Context(timeout=900), {"destinationBucket": "own"}, "the parameters are neither"),
        (
            Context(timeout=900, credentials=None),
            None,
            "no credentials in the context or in ALIBABA_CLOUD_ACCESS_KEY_ID",
        ),
        (Context(timeout=900, region=cast("str", None)), None, "the deployment's handler failed: "),
    ],
    ids=["time is over", "wrong request", "no role", "unforeseen"],
)
def test_every_failure_is_answered(
    handler_module: Import, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], context: Context,
    properties: dict[str, Any] | None, said: str,
) -> None:  # fmt: skip
    listener = Listener([])
    index = handler_module("index")
    monkeypatch.setattr(urllib.request, "urlopen", listener)
    request = {**REQUEST, "RequestType": "Create", **deployment("one")}
    if properties is not None:
        request["ResourceProperties"] = properties
    index.handler(json.dumps(request).encode(), context)
    (record,) = (json.loads(body) for body in listener.bodies)
    assert record["Status"] == "FAILED"
    assert record["Reason"].startswith(said)
    shown = capsys.readouterr()
    for secret in ("a-secret", "a-token", REQUEST["ResponseURL"]):
        assert secret not in shown.out + shown.err
