"""The task that changes the redundancy of a bucket's data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.redundancy import QUEUED, TASK, WORKING, begin_task, end_task, redundancy_of, task_of

BUCKET = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")
NOW = 1_800_000_000.0


@pytest.fixture
def bucket() -> Bucket:
    return replace(BUCKET, settings={TASK: begin_task("ZRS", NOW)(BUCKET)})


@pytest.mark.parametrize(
    ("later", "status", "percentage"),
    [(0.0, "Queueing", None), (QUEUED + WORKING / 2, "Processing", 50), (QUEUED + WORKING, "Finished", 100)],
)
def test_a_task_waits_works_and_is_finished(bucket: Bucket, later: float, status: str, percentage: int | None) -> None:
    task = task_of(bucket)
    assert task is not None
    told = task.describe("b", NOW + later)
    assert (told["Status"], told.get("ProcessPercentage")) == (status, percentage)
    assert redundancy_of(bucket, NOW + later) == ("ZRS" if status == "Finished" else "LRS")


def test_a_task_is_taken_back_while_it_waits_only(bucket: Bucket) -> None:
    task = task_of(bucket)
    assert task is not None
    assert end_task(task.task_id, NOW)(bucket) is None
    with pytest.raises(OssError, match="OperationNotSupported"):
        end_task(task.task_id, NOW + QUEUED)(bucket)
    with pytest.raises(OssError, match="NoSuchBucketDataRedundancyTransitionTask"):
        end_task("another", NOW)(bucket)


def test_a_bucket_has_one_task(bucket: Bucket) -> None:
    with pytest.raises(OssError, match="TaskExists"):
        begin_task("ZRS", NOW)(bucket)
    with pytest.raises(OssError, match="InvalidArgument"):
        begin_task("LRS", NOW)(BUCKET)
