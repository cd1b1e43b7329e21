"""Asynchronous fetches, by the official Python SDK, from servers on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import oss2
import oss2.models
import pytest

from tests.support.cloud import Cloud
from tests.support.roles import make_user

CONTENT = b"fetched" * 1000


class Source(ThreadingHTTPServer):
    """A server of one file, which notes what it is asked and called with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hosts: list[str] = []
        self.calls: list[bytes] = []
        self.open = threading.Event()  # `/slow` waits for it

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        if self.path == "/slow":
            self.server.open.wait(30)
        self.send_response(200 if self.path in {"/file", "/slow", "/odd"} else 302 if self.path == "/moved" else 404)
        self.send_header("Content-Type", "text/x-\x01" if self.path == "/odd" else "text/x-test")
        self.send_header("Content-Length", str(len(CONTENT)))
        self.send_header("Location", "/file")
        self.end_headers()
        self.wfile.write(CONTENT)

    def do_POST(self) -> None:
        self.server.calls.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200 if self.path == "/done" else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def source() -> Iterator[Source]:
    with Source() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.open.set()
        server.shutdown()


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("fetch-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


def fetch(bucket: oss2.Bucket, url: str, key: str = "a", **options: object) -> oss2.models.GetAsyncFetchTaskResult:
    """Fetch, and return the task when it has ended."""
    task = bucket.put_async_fetch_task(oss2.models.AsyncFetchTaskConfiguration(url, key, **options)).task_id
    return ended(bucket, task)


def ended(bucket: oss2.Bucket, task: str) -> oss2.models.GetAsyncFetchTaskResult:
    deadline = time.monotonic() + 20
    while (result := bucket.get_async_fetch_task(task)).task_state == oss2.models.ASYNC_FETCH_TASK_STATE_RUNNING:
        assert time.monotonic() < deadline, "the fetch does not end"
        time.sleep(0.02)
    return result


def packed(callback: dict[str, str]) -> str:
    return base64.b64encode(json.dumps(callback).encode()).decode()


def test_a_file_is_fetched_into_an_object(bucket: oss2.Bucket, source: Source) -> None:
    md5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
    result = fetch(bucket, source.url("/file"), "folder/a", content_md5=md5, host="files.example")
    assert (result.task_state, result.error_msg) == ("Success", "")
    told = result.task_config
    assert (told.url, told.object_name, told.host, told.content_md5) == (
        source.url("/file"),
        "folder/a",
        "files.example",
        md5,
    )
    assert (told.callback, told.ignore_same_key) == ("", True)
    answer = bucket.get_object("folder/a")
    assert (answer.read(), answer.content_type) == (CONTENT, "text/x-test")
    assert source.hosts == ["files.example"]


def test_an_object_of_the_cloud_is_fetched_by_its_name(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_object("source", b"1")
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    public = oss2.Bucket(auth, f"https://oss-{cloud.region}.aliyuncs.com", bucket.bucket_name, region=cloud.region)
    assert fetch(bucket, public.sign_url("GET", "source", 60)).task_state == "Success"
    assert bucket.get_object("a").read() == b"1"


def test_a_fetch_does_not_come_into_another_bucket_of_its_buckets_name(bucket: oss2.Bucket, source: Source) -> None:
    callback = packed({"callbackUrl": source.url("/done"), "callbackBody": "ended"})
    bucket.put_async_fetch_task(
        oss2.models.AsyncFetchTaskConfiguration(source.url("/slow"), "a", callback=callback, callback_when_failed=True)
    )
    deadline = time.monotonic() + 20
    while not source.hosts and time.monotonic() < deadline:
        time.sleep(0.02)
    bucket.delete_bucket()
    bucket.create_bucket()
    source.open.set()
    while not source.calls and time.monotonic() < deadline:
        time.sleep(0.02)
    assert source.calls == [b"ended"]
    assert not bucket.object_exists("a")


def test_an_upload_does_not_come_into_another_bucket_of_its_buckets_name(bucket: oss2.Bucket) -> None:
    def body() -> Iterator[bytes]:
        yield b"some"
        bucket.delete_bucket()
        bucket.create_bucket()
        yield b"thing"

    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.put_object("a", body())
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.append_object("a", 0, body())
    assert not bucket.object_exists("a")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("SOURCE/none", "status 404"),
        ("SOURCE/moved", "status 302"),
        ("SOURCE/odd", "content-type holds what a header cannot carry"),
        ("http://127.0.0.1:1/", "cannot be read"),
        ("http://example.org/", "not on loopback"),
        ("http://169.254.169.254/latest/meta-data", "not on loopback"),
        ("file:///etc/passwd", "not on loopback"),
        ("invalidUrl", "not on loopback"),
        ("http://[::1", "not valid"),
    ],
)
def test_what_cannot_be_fetched_fails(bucket: oss2.Bucket, source: Source, url: str, words: str) -> None:
    result = fetch(bucket, url.replace("SOURCE", source.url("")))
    assert result.task_state == "Failed"
    assert words in result.error_msg
    assert not bucket.object_exists("a")


def test_other_bytes_than_asked_for_fail(bucket: oss2.Bucket, source: Source) -> None:
    result = fetch(bucket, source.url("/file"), content_md5=base64.b64encode(bytes(16)).decode())
    assert (result.task_state, result.error_msg) == ("Failed", "The Content-MD5 you specified was invalid.")
    assert not bucket.object_exists("a")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        fetch(bucket, source.url("/file"), content_md5="no digest")
    assert error.value.code == "InvalidDigest"


def test_an_object_that_stands_there_is_kept_unless_the_task_says_otherwise(
    bucket: oss2.Bucket, source: Source
) -> None:
    bucket.put_object("a", b"1")
    for options in ({}, {"ignore_same_key": True}):
        with pytest.raises(oss2.exceptions.ObjectAlreadyExists):
            fetch(bucket, source.url("/file"), "a", **options)
    assert fetch(bucket, source.url("/file"), ignore_same_key=False).task_state == "Success"
    assert bucket.get_object("a").read() == CONTENT


def test_a_callback_is_sent_when_the_object_is_stored_or_the_fetch_has_failed(
    bucket: oss2.Bucket, source: Source
) -> None:
    callback = {"callbackUrl": source.url("/done"), "callbackBody": "key=${object}&size=${size}&etag=${etag}"}
    assert fetch(bucket, source.url("/file"), callback=packed(callback)).task_state == "Success"
    etag = hashlib.md5(CONTENT).hexdigest().upper()
    assert source.calls == [f"key=a&size={len(CONTENT)}&etag={etag}".encode()]
    wrong = packed({**callback, "callbackUrl": source.url("/wrong")})
    result = fetch(bucket, source.url("/file"), "b", callback=wrong)
    assert (result.task_state, result.error_msg) == ("FetchSuccessCallbackFailed", "Error status : 500.")
    assert bucket.object_exists("b")
    source.calls.clear()
    fetch(bucket, source.url("/none"), "c", callback=packed(callback))
    assert source.calls == []
    result = fetch(bucket, source.url("/none"), "c", callback=packed(callback), callback_when_failed=True)
    assert (result.task_state, source.calls) == ("Failed", [b"key=c&size=&etag="])


def test_a_task_that_is_not_there_is_told(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_async_fetch_task("none")
    assert (error.value.status, error.value.code) == (404, "NoSuchAsyncFetchTask")


def test_a_fetch_needs_the_right_to_put_its_object(bucket: oss2.Bucket, cloud: Cloud, source: Source) -> None:
    place = f"acs:oss:*:*:{bucket.bucket_name}"
    allowed = {"Effect": "Allow", "Action": ["oss:PutAsyncFetchTask", "oss:GetAsyncFetchTask"], "Resource": place}
    put = {"Effect": "Allow", "Action": "oss:PutObject", "Resource": f"{place}/mine/*"}
    user = cloud.bucket(bucket.bucket_name, make_user(cloud, allowed, put))
    assert fetch(user, source.url("/file"), "mine/a").task_state == "Success"
    with pytest.raises(oss2.exceptions.AccessDenied):
        fetch(user, source.url("/file"), "other")


def test_a_fetch_goes_on_after_a_restart(start_cloud: Callable[..., Cloud], source: Source, tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    bucket = cloud.bucket("kept-bucket")
    bucket.create_bucket()
    task = bucket.put_async_fetch_task(oss2.models.AsyncFetchTaskConfiguration(source.url("/slow"), "a")).task_id
    deadline = time.monotonic() + 20
    while not source.hosts:
        assert time.monotonic() < deadline, "the fetch does not begin"
        time.sleep(0.02)
    assert cloud.stop() == 0
    source.open.set()
    again = start_cloud(tmp_path).bucket("kept-bucket")
    assert ended(again, task).task_state == "Success"
    assert again.get_object("a").read() == CONTENT


def test_too_many_fetches_are_refused_and_requests_go_on(bucket: oss2.Bucket, source: Source) -> None:
    slow = [oss2.models.AsyncFetchTaskConfiguration(source.url("/slow"), f"{number}") for number in range(100)]
    for task in slow:
        bucket.put_async_fetch_task(task)
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_async_fetch_task(slow[0])
    assert (error.value.status, error.value.code) == (503, "ServiceUnavailable")
    bucket.put_object("still", b"1")
    source.open.set()
