"""The state on disk: what is written is read, also what earlier versions wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.ros.model import NOBODY, Phase, Resource, ResourceStatus, Source, Stack, StackStatus
from localcloud.ros.store import RosStore

RESOURCE: dict[str, Any] = {
    **{"logical_id": "A", "type": "T", "status": "UPDATE_IN_PROGRESS", "reason": "", "physical_id": "a"},
    **{"properties": {}, "attributes": {}, "requires": ["B"], "retain": False, "created": 1.0, "updated": 1.0},
}
EARLIER: dict[str, Any] = {  # as it was written before stacks knew callers, resumptions and outlines
    **{"id": "1", "name": "one", "status": "UPDATE_IN_PROGRESS", "reason": "Stack UPDATE started", "phase": "apply"},
    **{"description": "", "created": 1.0, "updated": 2.0, "source": {"template": "{}", "parameters": {}}},
    **{"previous": None, "values": {}, "resources": {"A": RESOURCE}, "before": {}, "retiring": [], "outputs": {}},
    **{"events": [], "tags": {}, "timeout": 60, "disable_rollback": False, "replacement": False, "protected": False},
    **{"retained": [], "tokens": {}},
}


def write(folder: Path, record: dict[str, Any]) -> None:
    (folder / "stacks").mkdir(parents=True)
    (folder / "stacks" / "1.json").write_text(json.dumps(record))


def test_a_stack_is_read_as_it_was_written(tmp_path: Path) -> None:
    resource = Resource(logical_id="A", type="T", status=ResourceStatus.CREATE_COMPLETE, created=1.0, updated=1.0)
    stack = Stack(
        id="1",
        name="one",
        created=1.0,
        source=Source(template="{}"),
        status=StackStatus.CREATE_IN_PROGRESS,
        phase=Phase.CLEANUP,
        resources={"A": resource},
    )
    RosStore(tmp_path).save(stack)
    assert RosStore(tmp_path).stacks == {"1": stack}


def test_a_stack_that_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    write(tmp_path, EARLIER)
    (stack,) = RosStore(tmp_path).stacks.values()
    assert (stack.status, stack.phase) == (StackStatus.UPDATE_IN_PROGRESS, Phase.APPLY)
    assert (stack.status.kind, stack.busy, stack.caller) == ("UPDATE", True, NOBODY)
    assert stack.resources["A"].status is ResourceStatus.UPDATE_IN_PROGRESS
    assert stack.resources["A"].requires == ("B",)


def test_an_idle_stack_that_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    write(tmp_path, {**EARLIER, "phase": "", "status": "UPDATE_COMPLETE"})
    assert not RosStore(tmp_path).stacks["1"].busy


def test_a_deleted_resource_that_an_earlier_version_still_kept_is_gone(tmp_path: Path) -> None:
    write(tmp_path, {**EARLIER, "resources": {"A": {**RESOURCE, "status": "DELETE_COMPLETE"}}})
    assert RosStore(tmp_path).stacks["1"].resources == {}


def test_a_status_that_is_none_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, {**EARLIER, "status": "UPDATE_PENDING"})
    with pytest.raises(LocalCloudError, match=r"stacks/1\.json cannot be read"):
        RosStore(tmp_path)


def test_the_stacks_that_were_deleted_first_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.ros.store.MAX_DELETED", 2)
    store, source = RosStore(tmp_path), Source(template="{}")
    store.save(Stack(id="alive", name="alive", created=0.0, source=source))
    for number, status in enumerate([StackStatus.DELETE_COMPLETE] * 3, 1):
        store.save(
            Stack(id=f"gone-{number}", name="gone", created=9.0 - number, updated=number, source=source, status=status)
        )
    assert RosStore(tmp_path).stacks.keys() == store.stacks.keys() == {"alive", "gone-2", "gone-3"}
