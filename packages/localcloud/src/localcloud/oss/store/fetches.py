"""The rows of asynchronous fetches."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from localcloud.oss.errors import OssError
from localcloud.oss.fetches import Order, State, Task
from localcloud.oss.store.database import Database, Row

MOST = 100  # tasks of a bucket that run, or wait to; assumed
KEPT = 1000  # tasks of a bucket that have ended; the oldest are forgotten; assumed
_COLUMNS = "id, bucket, created, state, document"


class FetchRows:
    """The asynchronous fetches of a store. Thread-safe; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, task: Task) -> None:
        """Add a task, and forget the oldest ones of its bucket.

        Raises:
            OssError: ServiceUnavailable (too many wait, or the disk is full).
        """

        def work() -> None:
            of_bucket = (task.bucket, State.RUNNING.value)
            waiting = self._database.run("SELECT count(*) FROM fetches WHERE bucket = ? AND state = ?", *of_bucket)
            if waiting[0][0] >= MOST:
                raise OssError("ServiceUnavailable", f"The bucket has {MOST} fetches under way: wait for some to end.")
            self._database.run(
                "DELETE FROM fetches WHERE id IN (SELECT id FROM fetches WHERE bucket = ? AND state != ? "
                "ORDER BY created DESC LIMIT -1 OFFSET ?)",
                *of_bucket,
                KEPT - 1,
            )
            self._write(task)

        self._database.write(work)

    def find(self, bucket: str, task_id: str) -> Task | None:
        """Return a task of a bucket, or None."""
        rows = self._database.run(f"SELECT {_COLUMNS} FROM fetches WHERE id = ? AND bucket = ?", task_id, bucket)  # noqa: S608 - fixed names
        return _task(rows[0]) if rows else None

    def running(self) -> list[Task]:
        """Return the tasks that have not ended, in the order in which they came."""
        rows = self._database.run(
            f"SELECT {_COLUMNS} FROM fetches WHERE state = ? ORDER BY created",  # noqa: S608 - fixed names
            State.RUNNING.value,
        )
        return [_task(row) for row in rows]

    def end(self, task: Task, state: State, message: str) -> None:
        """Note how a task has ended; one whose bucket has gone is forgotten.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """

        def work() -> None:
            if self.find(task.bucket, task.id):
                self._write(replace(task, state=state, message=message))

        self._database.write(work)

    def _write(self, task: Task) -> None:
        document = asdict(task)
        columns = [document.pop(name) for name in ("id", "bucket", "created", "state")]
        self._database.run("INSERT OR REPLACE INTO fetches VALUES (?, ?, ?, ?, ?)", *columns, json.dumps(document))


def _task(row: Row) -> Task:
    task_id, bucket, created, state, text = row
    document = json.loads(text)
    order = Order(**document.pop("order"))
    return Task(id=task_id, bucket=bucket, created=created, state=State(state), order=order, **document)
