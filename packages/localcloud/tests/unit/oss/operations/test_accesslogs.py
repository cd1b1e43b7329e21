"""The delivery of access logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.operations.accesslogs import MAX_FILE
from localcloud.oss.operations.service import OssService
from tests.support.clock import Clock


def log(service: OssService, prefix: str = "logs/") -> None:
    enabled = {"LoggingEnabled": {"TargetBucket": "target", "TargetPrefix": prefix}}
    service.buckets.set_setting("kept", "logging", render("BucketLoggingStatus", enabled).decode())


@pytest.fixture(autouse=True)
def _target(service: OssService) -> None:
    service.buckets.create("target")
    log(service)


def add(service: OssService, line: bytes) -> None:
    service.logs.add(service.buckets.get("kept"), line)


def logs(service: OssService) -> dict[str, bytes]:
    return {item.key: service.objects.read("target", item.key) for item in service.objects.page("target").entries}


def test_the_lines_of_an_hour_become_an_object_when_it_is_over(service: OssService, clock: Clock) -> None:
    clock.now = 1_480_000_000.0  # 2016-11-24T15:06:40Z
    add(service, b"1\n")
    assert service.logs.deliver() == 0
    clock.now += 3600
    add(service, b"2\n")
    assert service.logs.deliver() == 1
    ((key, lines),) = logs(service).items()
    assert key.startswith("logs/kept2016-11-25-00-06-40-")  # in Beijing
    assert lines == b"1\n"
    assert service.logs.deliver(clock.now + 3600) == 1
    assert sorted(logs(service).values()) == [b"1\n", b"2\n"]
    assert service.logs.deliver(clock.now + 9999) == 0


def test_lines_survive_a_restart(service: OssService, clock: Clock, tmp_path: Path) -> None:
    add(service, b"1\n")
    service.close()
    again = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=clock)
    assert again.logs.deliver(clock.now + 3600) == 1
    assert list(logs(again).values()) == [b"1\n"]
    again.close()


def test_what_a_bucket_logs_no_more_or_has_no_target_goes(service: OssService, clock: Clock) -> None:
    add(service, b"1\n")
    service.buckets.set_setting("kept", "logging", None)
    assert service.logs.deliver(clock.now + 3600) == 0
    log(service)
    assert service.logs.deliver(clock.now + 3600) == 0
    add(service, b"1\n")
    service.buckets.delete("target")
    assert service.logs.deliver(clock.now + 3600) == 0


def test_an_hour_has_a_limit(service: OssService, clock: Clock) -> None:
    add(service, b"1" * MAX_FILE)
    add(service, b"2")
    assert service.logs.deliver(clock.now + 3600) == 1
    assert {len(lines) for lines in logs(service).values()} == {MAX_FILE}


def test_a_full_disk_delays_the_delivery(service: OssService, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    add(service, b"1\n")

    def full(*_: object, **__: object) -> None:
        raise OssError("ServiceUnavailable", "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(service.objects, "put", full)
        assert service.logs.deliver(clock.now + 3600) == 0
    assert service.logs.deliver(clock.now + 3600) == 1
    assert list(logs(service).values()) == [b"1\n"]
