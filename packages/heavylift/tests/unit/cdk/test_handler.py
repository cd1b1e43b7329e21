"""The deployment's handler: its signature against oss2's, its answers, and what it does to a bucket in memory."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import oss2
import pytest
from oss2.credentials import StaticCredentialsProvider
from oss2.http import Request

STACK = "stack-1"
Import = Callable[[str], ModuleType]


@pytest.mark.parametrize(
    ("method", "key", "query", "headers"),
    [
        ("HEAD", "applib/abc.zip", {}, {}),
        ("GET", "", {"list-type": "2", "prefix": "applib/", "max-keys": "1000"}, {}),
        ("POST", "a b/ü+~.zip", {"uploads": ""}, {"x-oss-meta-heavylift-stack": "id"}),
        ("PUT", "k", {"partNumber": "1", "uploadId": "A/B=+"}, {"x-oss-copy-source": "/b/k", "content-type": "x/y"}),
    ],
)
def test_signature_is_the_one_of_oss2(
    handler_module: Import, method: str, key: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    store = handler_module("objectstore")
    theirs = {"content-type": "application/octet-stream", **headers}
    request = Request(method, "http://x", params=dict(query), headers=dict(theirs), region="cn-hangzhou", product="oss")
    oss2.ProviderAuthV4(StaticCredentialsProvider("ID", "SECRET", "TOKEN"))._sign_request(request, "bucket", key)
    ours = store.sign(
        method, "bucket", key, query, headers, "cn-hangzhou", store.Credentials("ID", "SECRET", "TOKEN"),
        request.headers["x-oss-date"],
    )  # fmt: skip
    assert ours["authorization"] == request.headers["authorization"]
    assert {name: request.headers[name] for name in ours} == ours


def test_credentials_do_not_show_their_secrets(handler_module: Import) -> None:
    shown = repr(handler_module("objectstore").Credentials("ID", "SECRET", "TOKEN"))
    assert "ID" in shown
    assert "SECRET" not in shown
    assert "TOKEN" not in shown


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
            raise self.module.NotFoundError(f"HEAD {bucket}/{key}: not found")
        return self.objects[bucket, key]

    def copy(self, source: str, key: str, etag: str, bucket: str, target: str, metadata: dict[str, str]) -> None:
        info = self.head(source, key)
        self.put(bucket, target, info.size, "0" if "bad" in target else info.crc64, metadata["heavylift-stack"])

    def list(self, bucket: str, prefix: str) -> list[str]:
        return [key for key in self.keys(bucket) if key.startswith(prefix)]

    def delete(self, bucket: str, key: str) -> None:
        self.deleted.append(key)
        self.objects.pop((bucket, key), None)

    def extended(self, _seconds: float) -> MemoryStore:
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
    with pytest.raises(store.module.StoreError, match="the copy has 1 bytes and CRC-64 0, its source assets/bad"):
        handler_module("archives").read_request(deployment("one", "bad")).apply(store)
    assert store.keys("own") == []


def test_a_failed_update_leaves_what_was_there_before(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    read(deployment("one")).apply(store)
    with pytest.raises(store.module.StoreError):
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
    with pytest.raises(store.module.StoreError):
        read(deployment("one", "bad")).apply(store)
    assert store.head("own", "applib/one.zip").crc64 == "7"


def test_an_object_of_somebody_else_is_left_alone(handler_module: Import, store: MemoryStore) -> None:
    read = handler_module("archives").read_request
    store.put("own", "applib/one.zip")
    read(deployment("one")).apply(store)  # the same bytes serve as well
    store.put("own", "applib/two.zip", crc64="8")
    with pytest.raises(store.module.StoreError, match=r"applib/two\.zip: there is another object under this key"):
        read(deployment("two")).apply(store)
    read(deployment("one", "two")).remove(store)
    assert store.keys("own") == ["applib/one.zip", "applib/two.zip"]


# The whole handler


@dataclass
class Context:
    """What the platform passes."""

    timeout: float
    credentials: Any = field(default_factory=lambda: SimpleNamespace(
        access_key_id="ID", access_key_secret="SECRET", security_token="TOKEN",
    ))  # fmt: skip
    region: str = "cn-hangzhou"

    @property
    def function(self) -> Any:
        return SimpleNamespace(timeout=self.timeout)


@pytest.mark.parametrize(
    ("context", "properties", "said"),
    [
        (Context(timeout=60), None, "HEAD assets/one: the time of the deployment's function is over"),
        (Context(timeout=900), {"destinationBucket": "own"}, "the parameters are neither"),
        (Context(timeout=900, credentials=None), None, "the deployment's handler failed: AttributeError"),
    ],
    ids=["time is over", "wrong request", "unforeseen"],
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
    for secret in ("SECRET", "TOKEN", REQUEST["ResponseURL"]):
        assert secret not in shown.out + shown.err
