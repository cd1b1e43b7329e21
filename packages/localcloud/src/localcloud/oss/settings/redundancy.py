"""Redundancy of a bucket's data, LRS or ZRS, and the task that changes one into the other. It is kept and told; there is one copy.

A task waits in a queue, in which it can be taken back, works, and is finished; how long each takes is assumed.

Source: OSS, CreateBucketDataRedundancyTransition, GetBucketDataRedundancyTransition, DeleteBucketDataRedundancyTransition.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import invalid

LOCAL, ZONES = "LRS", "ZRS"
TASK, KIND = "redundancyTransition", "dataRedundancyType"  # the keys among a bucket's settings
QUEUED = 3600.0  # seconds until a task works
WORKING = 23 * 3600.0  # seconds until it is finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task that makes the redundancy ZRS."""

    task_id: str
    created: float  # seconds since the epoch

    def share(self, now: float) -> float | None:
        """Return the part that is done, 0 to 1; None: it waits in the queue."""
        worked = now - self.created - QUEUED
        return None if worked < 0 else min(worked / WORKING, 1.0)

    def describe(self, bucket: str, now: float) -> dict[str, object]:
        """Return the task as answers have it."""
        share, begun = self.share(now), self.created + QUEUED
        status = "Queueing" if share is None else "Processing" if share < 1 else "Finished"
        facts: dict[str, object] = {
            "Bucket": bucket,
            "TaskId": self.task_id,
            "CreateTime": to_milliseconds(self.created),
            "Status": status,
        }
        if share is None:
            return facts
        facts |= {"StartTime": to_milliseconds(begun), "ProcessPercentage": int(share * 100)}
        facts["EstimatedRemainingTime"] = round((1 - share) * WORKING / 3600)
        return facts if share < 1 else {**facts, "EndTime": to_milliseconds(begun + WORKING)}


def task_of(bucket: Bucket) -> Task | None:
    """Return a bucket's task; None: it never had one."""
    kept = bucket.settings.get(TASK)
    return None if kept is None else Task(**json.loads(kept))


def find_task(bucket: Bucket, task_id: str) -> Task:
    """Return a bucket's task of that id.

    Raises:
        OssError: NoSuchBucketDataRedundancyTransitionTask.
    """
    task = task_of(bucket)
    if task is None or task.task_id != task_id:
        raise OssError("NoSuchBucketDataRedundancyTransitionTask", f"The bucket has no task {task_id[:100]!r}.")
    return task


def redundancy_of(bucket: Bucket, now: float) -> str:
    """Return the redundancy of a bucket's data."""
    task = task_of(bucket)
    finished = task is not None and task.share(now) == 1.0
    return ZONES if finished else bucket.settings.get(KIND, LOCAL)


def check_redundancy(kind: str) -> str:
    """Return the name of a redundancy.

    Raises:
        OssError: InvalidArgument.
    """
    if kind not in {LOCAL, ZONES}:
        raise invalid("DataRedundancyType", kind, f"The redundancy of data is {LOCAL} or {ZONES}.")
    return kind


def begin_task(kind: str, now: float) -> Callable[[Bucket], str]:
    """Return the change that begins a task.

    Raises:
        OssError: InvalidArgument (only ZRS can be made of LRS).
    """
    if kind != ZONES:
        raise invalid("x-oss-target-redundancy-type", kind, f"The redundancy of a bucket is changed into {ZONES} only.")

    def change(bucket: Bucket) -> str:
        if redundancy_of(bucket, now) == ZONES or task_of(bucket) is not None:
            raise OssError(
                "BucketDataRedundancyTransitionTaskExists", "The bucket is ZRS, or a task that makes it ZRS is there."
            )
        return json.dumps(asdict(Task(task_id=uuid.uuid4().hex, created=now)))

    return change


def end_task(task_id: str, now: float) -> Callable[[Bucket], None]:
    """Return the change that takes a task back."""

    def change(bucket: Bucket) -> None:
        if find_task(bucket, task_id).share(now) is not None:
            raise OssError("OperationNotSupported", "A task that has begun to work cannot be deleted.")

    return change
