"""Asynchronous invocations that were accepted and are not done: one file each, so that a restart goes on with them.

An invocation that was running when the embedded cloud ended runs again: at least once, as the platform promises.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from localcloud.fc.model import Pending
from localcloud.kernel.documents import read_document, sync_folder, write_document


class PendingInvocations:
    """The accepted invocations, on disk.

    Args:
        folder: where they lie; created if need be.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def add(self, pending: Pending) -> None:
        """Keep an invocation; it is durable when this returns."""
        record = {
            "function": pending.function,
            "qualifier": pending.qualifier,
            "accepted": pending.accepted,
            "due": pending.due,
            "task": pending.task,
            "payload": base64.b64encode(pending.payload).decode(),
        }
        write_document(self._folder / f"{pending.request_id}.json", record)

    def remove(self, request_id: str) -> None:
        """Forget an invocation that is done."""
        (self._folder / f"{request_id}.json").unlink(missing_ok=True)
        sync_folder(self._folder)

    def all(self) -> list[Pending]:
        """Return all invocations, in the order of their request ids.

        Raises:
            LocalCloudError: one cannot be read.
        """
        return [_read(path) for path in sorted(self._folder.glob("*.json"))]


def _read(path: Path) -> Pending:
    def parse(record: dict[str, Any]) -> Pending:
        payload = base64.b64decode(record["payload"], validate=True)
        return Pending(
            request_id=path.stem,
            function=record["function"],
            payload=payload,
            # An earlier release wrote none of these.
            qualifier=record.get("qualifier", ""),
            accepted=record.get("accepted", 0.0),
            due=record.get("due", 0.0),
            task=record.get("task", ""),
        )

    return read_document(path, parse, otherwise="remove it to go on without that invocation")
