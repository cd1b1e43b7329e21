"""Asynchronous tasks: the invocations whose course is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.fc.configs import DONE, TASK_MOVES, Task, TaskState
from localcloud.fc.errors import FcError
from localcloud.fc.model import Pending
from localcloud.fc.store.tasks import TaskStore


class AsyncTaskOperations:
    """The tasks of the account's functions.

    Args:
        store: keeps them.
        clock: seconds since the epoch.
    """

    def __init__(self, store: TaskStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def accept(self, pending: Pending) -> None:
        """Begin to keep the course of an accepted invocation.

        Raises:
            FcError: StatefulAsyncInvocationAlreadyExists.
        """
        if self._store.get(pending.function, pending.task):
            raise FcError(
                "StatefulAsyncInvocationAlreadyExists", f"task '{pending.task}' of {pending.function} already exists"
            )
        task = Task(
            function=pending.function,
            id=pending.task,
            qualifier=pending.qualifier,
            request_id=pending.request_id,
            state=TaskState.ENQUEUED,
            started=pending.accepted,
            events=((TaskState.ENQUEUED.value, pending.accepted, ""),),
            payload=pending.payload.decode(errors="replace"),
        )
        self._store.put(task)

    def move(
        self, pending: Pending, to: TaskState, *, detail: str = "", result: bytes = b"", instance: str = ""
    ) -> None:
        """Note that an invocation came to a state; one whose course is not kept, or that is done, comes to none."""
        task = self._store.get(pending.function, pending.task) if pending.task else None
        if task is None or to not in TASK_MOVES[task.state]:
            return
        now = self._clock()
        self._store.put(
            replace(
                task,
                state=to,
                events=(*task.events, (to.value, now, detail)),
                ended=now if to in DONE else 0.0,
                error=detail if to is TaskState.FAILED else task.error,
                retried=task.retried + (to is TaskState.RETRYING),
                result=result.decode(errors="replace"),
                instance=instance or task.instance,
            )
        )

    def get(self, function: str, task: str) -> Task:
        """Return a task with its payload and result.

        Raises:
            FcError: StatefulAsyncInvocationNotFound.
        """
        found = self._store.get(function, task)
        if found is None:
            raise FcError("StatefulAsyncInvocationNotFound", f"task '{task}' of {function} does not exist")
        return found

    def all(self, function: str = "") -> list[Task]:
        """Return the tasks of a function, or of all, in the order of their beginning."""
        return [each for each in self._store.all() if function in {"", each.function}]
