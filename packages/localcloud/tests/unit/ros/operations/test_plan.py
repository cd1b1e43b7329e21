"""The steps of a plan, for one resource."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.ros.model import Resource, ResourceStatus
from localcloud.ros.operations.plan import Step, plan_apply, plan_rollback
from localcloud.ros.resources.provider import Property

DECLARED = {"Name": Property(kind="string", replaces=True), "Size": Property(kind="integer")}
PROPERTIES = {"Name": "a", "Size": 1}


def resource(**given: Any) -> Resource:
    usual = {"physical_id": "a", "status": ResourceStatus.CREATE_COMPLETE, "properties": PROPERTIES}
    return Resource(logical_id="A", type="T", created=0.0, updated=0.0, **{**usual, **given})


@pytest.mark.parametrize(
    ("current", "type_name", "wanted", "step"),
    [
        (None, "T", PROPERTIES, Step.CREATE),
        (resource(physical_id="", status=ResourceStatus.CREATE_FAILED), "T", PROPERTIES, Step.CREATE),
        (resource(status=ResourceStatus.CREATE_FAILED), "T", PROPERTIES, Step.CREATE_ANEW),
        (resource(), "T", PROPERTIES, Step.KEEP),
        (resource(), "T", {"Name": "a", "Size": 2}, Step.UPDATE),
        (resource(), "T", {"Name": "b", "Size": 1}, Step.REPLACE),
        (resource(), "Other", PROPERTIES, Step.REPLACE),
        (resource(status=ResourceStatus.UPDATE_FAILED), "T", PROPERTIES, Step.UPDATE),
    ],
)
def test_the_difference_decides_the_step(
    current: Resource | None, type_name: str, wanted: dict[str, object], step: Step
) -> None:
    assert plan_apply(DECLARED, type_name, current, wanted) is step


@pytest.mark.parametrize(
    ("current", "before", "step"),
    [
        (resource(), None, Step.DELETE),
        (resource(physical_id="b"), resource(), Step.RESTORE),
        (resource(), resource(), Step.KEEP),
        (resource(properties={"Name": "a", "Size": 2}), resource(), Step.UPDATE),
        (resource(status=ResourceStatus.UPDATE_FAILED), resource(), Step.UPDATE),
        (
            resource(physical_id="", status=ResourceStatus.CREATE_FAILED),
            resource(physical_id="", status=ResourceStatus.CREATE_FAILED),
            Step.KEEP,
        ),
    ],
)
def test_the_way_back_undoes_the_difference(current: Resource, before: Resource | None, step: Step) -> None:
    assert plan_rollback(current, before) is step
