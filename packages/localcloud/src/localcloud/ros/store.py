"""The state of the embedded ROS on disk: one JSON document for each stack and each change set, replaced whole by each change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Identity
from localcloud.ros.model import (
    NOBODY,
    Caller,
    Change,
    ChangeSet,
    Event,
    Outline,
    Phase,
    Resource,
    ResourceStatus,
    Source,
    Stack,
    StackStatus,
)


class RosStore:
    """Stacks and change sets, in memory and on disk. Not thread-safe: one event loop uses it.

    Args:
        folder: where it lies; created if need be.

    Raises:
        LocalCloudError: the state cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._stacks = folder / "stacks"
        self._change_sets = folder / "changesets"
        self.stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        for path in _documents(self._stacks):
            stack = _read_stack(path)
            self.stacks[stack.id] = stack
        for path in _documents(self._change_sets):
            change_set = _read_change_set(path)
            self.change_sets[change_set.id] = change_set

    def save(self, stack: Stack) -> None:
        """Keep a stack; durable when this returns."""
        write_private(self._stacks / f"{stack.id}.json", _write(stack))
        self.stacks[stack.id] = stack

    def save_change_set(self, change_set: ChangeSet) -> None:
        """Keep a change set; durable when this returns."""
        write_private(self._change_sets / f"{change_set.id}.json", _write(change_set))
        self.change_sets[change_set.id] = change_set

    def drop(self, stack_id: str) -> None:
        """Forget a stack."""
        (self._stacks / f"{stack_id}.json").unlink(missing_ok=True)
        self.stacks.pop(stack_id, None)

    def drop_change_set(self, change_set_id: str) -> None:
        """Forget a change set."""
        (self._change_sets / f"{change_set_id}.json").unlink(missing_ok=True)
        self.change_sets.pop(change_set_id, None)

    def drop_change_sets_of(self, stack_id: str) -> None:
        """Forget the change sets of a stack."""
        for each in [each for each in self.change_sets.values() if each.stack_id == stack_id]:
            self.drop_change_set(each.id)


def _write(document: Stack | ChangeSet) -> bytes:
    return json.dumps(document, default=_record).encode()


def _record(value: Any) -> dict[str, object]:  # noqa: ANN401 (any dataclass of `model`)
    """Return a dataclass as an object of JSON, without copying what it holds: a stack is written at each of its steps."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _documents(folder: Path) -> Iterable[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return sorted(folder.glob("*.json"))


def _read_stack(path: Path) -> Stack:
    try:
        record = json.loads(path.read_bytes())
        previous, caller = record.pop("previous"), record.pop("caller", None)
        return Stack(
            status=StackStatus(record.pop("status")),
            phase=Phase(record.pop("phase")),
            source=_source(record.pop("source")),
            previous=_source(previous) if previous else None,
            caller=Caller(**{**caller, "identity": Identity(**caller["identity"])}) if caller else NOBODY,
            resources=_resources(record.pop("resources")),
            before=_resources(record.pop("before")),
            retiring=tuple(_resource(each) for each in record.pop("retiring")),
            events=tuple(Event(**each) for each in record.pop("events")),
            retained=tuple(record.pop("retained")),
            **record,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _source(record: dict[str, Any]) -> Source:
    outline = record.pop("outline", None)
    return Source(**record, outline=Outline(**{**outline, "hidden": tuple(outline["hidden"])}) if outline else None)


def _resources(record: dict[str, dict[str, Any]]) -> dict[str, Resource]:
    resources = {name: _resource(each) for name, each in record.items()}
    # Earlier versions kept a resource for a moment after it was deleted: a process may have ended then.
    return {name: each for name, each in resources.items() if each.status is not ResourceStatus.DELETE_COMPLETE}


def _resource(record: dict[str, Any]) -> Resource:
    more = {"status": ResourceStatus(record["status"]), "requires": tuple(record["requires"])}
    return Resource(**{**record, **more})


def _read_change_set(path: Path) -> ChangeSet:
    try:
        record = json.loads(path.read_bytes())
        changes = tuple(Change(**{**each, "properties": tuple(each["properties"])}) for each in record.pop("changes"))
        return ChangeSet(changes=changes, **record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> LocalCloudError:
    return LocalCloudError(
        f"{path} cannot be read ({type(error).__name__}); restore it, or remove the data folder to start anew"
    )
