"""The state of the embedded ROS on disk: a JSON document for each of its nouns, replaced whole by each change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.kernel.access import Caller
from localcloud.kernel.documents import read_document, write_document
from localcloud.kernel.identity import Identity
from localcloud.ros.model import (
    NOBODY,
    Change,
    ChangeSet,
    Detection,
    Difference,
    Drift,
    DriftStatus,
    Event,
    Handle,
    Outline,
    Phase,
    Resource,
    ResourceStatus,
    Signal,
    Source,
    Stack,
    StackStatus,
    StoredTemplate,
    TemplateVersion,
)

MAX_DELETED = 200  # stacks that are remembered after they were deleted; assumed, ROS remembers them for a time


class RosStore:
    """Stacks, change sets and templates, in memory and on disk. Not thread-safe: one event loop uses it.

    Args:
        folder: where it lies; created if need be.

    Raises:
        LocalCloudError: the state cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._stacks = folder / "stacks"
        self._change_sets = folder / "changesets"
        self._templates = folder / "templates"
        self._handles = folder / "handles"
        self.stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        self.templates: dict[str, StoredTemplate] = {}
        self.handles: dict[str, Handle] = {}
        for path in _documents(self._stacks):
            stack = read_document(path, _stack)
            self.stacks[stack.id] = stack
        for path in _documents(self._change_sets):
            change_set = read_document(path, _change_set)
            self.change_sets[change_set.id] = change_set
        for path in _documents(self._templates):
            template = read_document(path, _template)
            self.templates[template.id] = template
        for path in _documents(self._handles):
            handle = read_document(path, _handle)
            self.handles[handle.id] = handle

    def save(self, stack: Stack) -> None:
        """Keep a stack; durable when this returns."""
        write_document(self._stacks / f"{stack.id}.json", stack)
        self.stacks[stack.id] = stack
        if stack.status is StackStatus.DELETE_COMPLETE:
            self._forget_deleted()

    def _forget_deleted(self) -> None:
        """Forget the stacks that were deleted first, lest memory and the next start grow with all that ever were."""
        deleted = [each for each in self.stacks.values() if each.status is StackStatus.DELETE_COMPLETE]
        for each in sorted(deleted, key=lambda each: each.updated or each.created)[:-MAX_DELETED]:
            self.drop(each.id)

    def save_change_set(self, change_set: ChangeSet) -> None:
        """Keep a change set; durable when this returns."""
        write_document(self._change_sets / f"{change_set.id}.json", change_set)
        self.change_sets[change_set.id] = change_set

    def save_template(self, template: StoredTemplate) -> None:
        """Keep a template; durable when this returns."""
        write_document(self._templates / f"{template.id}.json", template)
        self.templates[template.id] = template

    def drop_template(self, template_id: str) -> None:
        """Forget a template."""
        (self._templates / f"{template_id}.json").unlink(missing_ok=True)
        self.templates.pop(template_id, None)

    def save_handle(self, handle: Handle) -> None:
        """Keep a handle with its signals; durable when this returns."""
        write_document(self._handles / f"{handle.id}.json", handle)
        self.handles[handle.id] = handle

    def drop_handle(self, handle_id: str) -> None:
        """Forget a handle."""
        (self._handles / f"{handle_id}.json").unlink(missing_ok=True)
        self.handles.pop(handle_id, None)

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


def _documents(folder: Path) -> Iterable[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return sorted(folder.glob("*.json"))


def _stack(record: dict[str, Any]) -> Stack:
    previous, caller = record.pop("previous"), record.pop("caller", None)
    # Earlier versions kept beside the source what they had read of it.
    read = {name: record.pop(name) for name in ("description", "values") if name in record}
    return Stack(
        status=StackStatus(record.pop("status")),
        phase=Phase(record.pop("phase")),
        source=_source(read | record.pop("source")),
        previous=_source(previous) if previous else None,
        caller=Caller(**{**caller, "identity": Identity(**caller["identity"])}) if caller else NOBODY,
        resources=_resources(record.pop("resources")),
        before=_resources(record.pop("before")),
        retiring=tuple(_resource(each) for each in record.pop("retiring")),
        events=tuple(Event(**each) for each in record.pop("events")),
        retained=tuple(record.pop("retained")),
        detection=_detection(record.pop("detection", None)),
        drifts={name: _drift(each) for name, each in record.pop("drifts", {}).items()},
        **record,
    )


def _detection(record: dict[str, Any] | None) -> Detection | None:
    return Detection(**{**record, "status": DriftStatus(record["status"])}) if record else None


def _drift(record: dict[str, Any]) -> Drift:
    differences = tuple(Difference(**each) for each in record.pop("differences"))
    return Drift(status=DriftStatus(record.pop("status")), differences=differences, **record)


def _source(record: dict[str, Any]) -> Source:
    outline = record.pop("outline", None)
    return Source(**record, outline=_outline(outline) if outline else None)


def _outline(record: dict[str, Any]) -> Outline:
    return Outline(**record | {name: tuple(record[name]) for name in ("hidden", "masked") if name in record})


def _resources(record: dict[str, dict[str, Any]]) -> dict[str, Resource]:
    resources = {name: _resource(each) for name, each in record.items()}
    # Earlier versions kept a resource for a moment after it was deleted: a process may have ended then.
    return {name: each for name, each in resources.items() if each.status is not ResourceStatus.DELETE_COMPLETE}


def _resource(record: dict[str, Any]) -> Resource:
    more = {"status": ResourceStatus(record["status"]), "requires": tuple(record["requires"])}
    return Resource(**{**record, **more})


def _change_set(record: dict[str, Any]) -> ChangeSet:
    changes = tuple(Change(**{**each, "properties": tuple(each["properties"])}) for each in record.pop("changes"))
    source = record.pop("source", None)
    return ChangeSet(changes=changes, source=_source(source) if source else None, **record)


def _template(record: dict[str, Any]) -> StoredTemplate:
    return StoredTemplate(versions=tuple(TemplateVersion(**each) for each in record.pop("versions")), **record)


def _handle(record: dict[str, Any]) -> Handle:
    signals = {name: Signal(**each) for name, each in record.pop("signals").items()}
    return Handle(signals=signals, **record)
