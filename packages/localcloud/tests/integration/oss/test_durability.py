"""Durability: objects and uploads survive a kill in the middle and a restart; and the faults of the link."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import oss2
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.waiting import wait_for


def content_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest() * 20_000  # 640 KB


def test_whatever_was_acknowledged_survives_a_kill(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    cloud.bucket("durable").create_bucket()
    acknowledged: list[str] = []

    def write(worker: int) -> None:
        bucket = cloud.bucket("durable")
        for number in range(10_000):
            name = f"{worker}/{number}"
            try:
                bucket.put_object(name, content_of(name))
            except (oss2.exceptions.RequestError, oss2.exceptions.ServerError):
                return
            acknowledged.append(name)

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(acknowledged) >= 20)
    cloud.stop(signal.SIGKILL)
    for writer in writers:
        writer.join()
    again = start_cloud(tmp_path)
    bucket = again.bucket("durable")
    found = {item.key for item in oss2.ObjectIterator(bucket)}
    assert set(acknowledged) <= found
    for name in found:
        assert bucket.get_object(name).read() == content_of(name)
    # an upload that was not acknowledged may have been committed, at most one for each writer; nothing else is left
    assert len(found) <= len(acknowledged) + len(writers)
    assert len(list((tmp_path / "oss" / "data").iterdir())) == len(found)
    assert again.stop() == 0


def test_every_acknowledged_version_and_marker_survives_a_kill(
    start_cloud: Callable[..., Cloud], tmp_path: Path
) -> None:
    cloud = start_cloud(tmp_path)
    bucket = cloud.bucket("durable")
    bucket.create_bucket()
    bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig(oss2.BUCKET_VERSIONING_ENABLE))
    acknowledged: list[tuple[str, str | None]] = []  # a version, and the bytes that it has; None: a delete marker

    def write(worker: int) -> None:
        writer = cloud.bucket("durable")
        for number in range(10_000):
            content = f"{worker}/{number}"
            try:
                acknowledged.append((writer.put_object("contended", content).versionid, content))
                if number % 3 == 0:
                    acknowledged.append((writer.delete_object("contended").versionid, None))
            except (oss2.exceptions.RequestError, oss2.exceptions.ServerError):
                return

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(acknowledged) >= 40)
    cloud.stop(signal.SIGKILL)
    for writer in writers:
        writer.join()
    bucket = start_cloud(tmp_path).bucket("durable")
    page = bucket.list_object_versions(max_keys=1000)
    kept, markers = {item.versionid for item in page.versions}, {item.versionid for item in page.delete_marker}
    assert not page.is_truncated
    for version, content in acknowledged:
        if content is None:
            assert version in markers
        else:
            assert version in kept
            assert bucket.get_object("contended", params={"versionId": version}).read() == content.encode()
    # what was not acknowledged may have been committed, at most one change for each writer; nothing else is left
    assert len(kept | markers) <= len(acknowledged) + len(writers)
    assert len(list((tmp_path / "oss" / "data").iterdir())) == len(kept)


def test_a_data_folder_serves_one_cloud_at_a_time(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    start_cloud(tmp_path)
    with pytest.raises(pytest.fail.Exception, match="is in use by another embedded cloud"):
        start_cloud(tmp_path)


def test_the_account_key_is_private_and_kept(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    first = start_cloud(tmp_path)
    assert (tmp_path / "account.json").stat().st_mode & 0o077 == 0
    assert first.access_key_secret not in (tmp_path / "endpoints.json").read_text()
    assert first.stop() == 0
    assert start_cloud(tmp_path).access_key_secret == first.access_key_secret


def set_link(cloud: Cloud, record: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {cloud.access_key_secret}"}
    return requests.put(f"{cloud.endpoints['oss']}/-/localcloud/link", json=record, headers=headers, timeout=10)


def test_the_link_can_be_slow_and_can_fail(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    bucket = cloud.bucket("linked")
    bucket.create_bucket()
    bucket.put_object("a", b"x" * 1_000_000)
    assert set_link(cloud, {"shape": {"bandwidth": 8e6, "latency": 0.2}, "faults": []}).status_code == 200
    begin = time.monotonic()
    bucket.get_object("a").read()
    assert 1.1 < time.monotonic() - begin < 10  # a megabyte at 1 MB/s, behind 0.2 s
    faults = [
        {"kind": "status", "status": 503},
        {"kind": "reset", "after": 1000},
        {"kind": "corrupt", "after": 500_000},
    ]
    assert set_link(cloud, {"shape": {}, "faults": faults}).status_code == 200
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.get_object("a")
    assert refused.value.status == 503
    with pytest.raises(requests.exceptions.RequestException, match="reset by peer"):
        bucket.get_object("a").read()
    with pytest.raises(oss2.exceptions.InconsistentError):  # the client's CRC-64 tells
        bucket.get_object_to_file("a", str(tmp_path / "corrupt"))
    assert bucket.get_object("a").read() == b"x" * 1_000_000


def test_the_link_refuses_strangers_and_nonsense(cloud: Cloud) -> None:
    url = f"{cloud.endpoints['oss']}/-/localcloud/link"
    assert requests.put(url, json={}, timeout=10).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer ü".encode()}, timeout=10).status_code == 401
    for record, words in (
        ({"shape": {"speed": 1}, "faults": []}, "unknown setting 'speed'"),
        ({"latency": 1}, "faults and shape missing"),
    ):
        answer = set_link(cloud, record)
        assert answer.status_code == 400
        assert words in answer.json()["error"]


def test_what_a_kill_left_half_written_goes_at_the_next_start(
    start_cloud: Callable[..., Cloud], tmp_path: Path
) -> None:
    start_cloud(tmp_path).stop(signal.SIGKILL)
    folders = ("", "fc", "fc/pending", "gateway", "ram", "ram/sessions", "ros", "ros/stacks")
    left = [tmp_path / folder / f"x{kind}.new" for folder in folders for kind in (".json", ".pem")]
    for path in left:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"{")
    start_cloud(tmp_path)
    assert [path for path in left if path.exists()] == []


def test_a_lost_database_is_told_without_a_traceback(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    cloud.bucket("lost").create_bucket()
    cloud.bucket("lost").put_object("a", b"1")
    cloud.stop()
    (tmp_path / "oss" / "oss.sqlite3").unlink()
    (tmp_path / "stderr.log").unlink()
    with pytest.raises(pytest.fail.Exception, match="restore the database from a copy, or remove"):
        start_cloud(tmp_path)
    assert "Traceback" not in (tmp_path / "stderr.log").read_text()
    assert len(list((tmp_path / "oss" / "data").iterdir())) == 1
