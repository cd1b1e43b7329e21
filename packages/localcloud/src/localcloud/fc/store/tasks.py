"""Asynchronous tasks on disk: one file each, of which the newest are kept."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from localcloud.fc.configs import DONE, Task, TaskState
from localcloud.kernel.documents import read_document, write_document

KEPT = 1000  # tasks of an account that are done; the platform keeps them for days, not so many


class TaskStore:
    """The tasks, on disk; their payloads and results are there alone.

    Args:
        folder: where they lie; created if need be.

    Raises:
        LocalCloudError: one cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        tasks = (read_document(path, _read) for path in folder.glob("*.json"))
        self._tasks = {(each.function, each.id): _brief(each) for each in tasks}

    def put(self, task: Task) -> None:
        """Keep a task; it is durable when this returns."""
        write_document(self._path(task.function, task.id), {**asdict(task), "state": task.state.value})
        self._tasks[task.function, task.id] = _brief(task)
        done = sorted((each for each in self._tasks.values() if each.state in DONE), key=lambda each: each.ended)
        for old in done[:-KEPT]:
            del self._tasks[old.function, old.id]
            self._path(old.function, old.id).unlink(missing_ok=True)

    def get(self, function: str, task: str) -> Task | None:
        """Return a task of a function, with its payload and result; None: there is none."""
        return read_document(self._path(function, task), _read) if (function, task) in self._tasks else None

    def all(self) -> list[Task]:
        """Return all tasks in the order of their beginning, without payloads and results."""
        return sorted(self._tasks.values(), key=lambda each: (each.started, each.id))

    def _path(self, function: str, task: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{function} {task}'.encode()).hexdigest()}.json"


def _brief(task: Task) -> Task:
    return replace(task, payload="", result="")


def _read(record: dict[str, Any]) -> Task:
    events = tuple((state, time, detail) for state, time, detail in record["events"])
    return Task(**{**record, "state": TaskState(record["state"]), "events": events})
