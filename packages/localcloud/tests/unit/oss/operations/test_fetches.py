"""The tasks of asynchronous fetches that are kept."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.fetches import Order, State, read_order
from localcloud.oss.operations.service import OssService
from localcloud.oss.store import fetches as rows
from localcloud.oss.store.fetches import FetchRows
from tests.support.clock import Clock

ORDER = Order(url="http://127.0.0.1:1/", key="a")


def add(service: OssService, bucket: str = "kept") -> str:
    return service.fetches.add(bucket, ORDER, overwrites=False, requester="1", request_id="2").id


def test_the_oldest_tasks_that_have_ended_are_forgotten(
    service: OssService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT", 2)
    kept: FetchRows = service._store.fetches
    tasks = []
    for _ in range(4):
        tasks.append(add(service))
        clock.now += 1
        kept.end(service.fetches.get("kept", tasks[-1]), State.SUCCESS, "")
    running = add(service)
    assert [kept.find("kept", task) is not None for task in [*tasks, running]] == [False, False, False, True, True]
    assert [task.id for task in kept.running()] == [running]


def test_tasks_go_with_their_bucket(service: OssService) -> None:
    task = add(service)
    service.buckets.delete("kept")
    service.buckets.create("kept")
    with pytest.raises(OssError, match="NoSuchAsyncFetchTask"):
        service.fetches.get("kept", task)


def test_a_task_is_its_bucket_s_alone(service: OssService) -> None:
    service.buckets.create("other")
    task = add(service)
    with pytest.raises(OssError, match="NoSuchAsyncFetchTask"):
        service.fetches.get("other", task)


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ("<Object>a</Object>", "MalformedXML"),
        ("<Url>http://a</Url><Object></Object>", "InvalidArgument"),
        (f"<Url>{'a' * 9000}</Url><Object>a</Object>", "InvalidArgument"),
        ("<Url>http://a</Url><Object>a</Object><ContentMD5>a</ContentMD5>", "InvalidDigest"),
        ("<Url>http://a</Url><Object>a</Object><StorageClass>Hot</StorageClass>", "InvalidStorageClass"),
        ("<Url>http://a</Url><Object>a</Object><IgnoreSameKey>1</IgnoreSameKey>", "MalformedXML"),
        ("<Url>http://a</Url><Object>a</Object><Other>1</Other>", "MalformedXML"),
    ],
)
def test_what_asks_for_no_fetch_is_refused(elements: str, code: str) -> None:
    root = "AsyncFetchTaskConfiguration"
    with pytest.raises(OssError, match=code):
        read_order(f"<{root}>{elements}</{root}>".encode())
