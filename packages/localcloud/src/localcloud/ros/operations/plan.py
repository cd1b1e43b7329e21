"""Decide what is to be done with one resource. Pure; `localcloud.ros.operations.apply` and `.rollback` do it.

A plan is of one resource, not of a stack: its properties may hang on what the resources before it turn out to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from localcloud.ros.model import Resource, ResourceStatus
from localcloud.ros.resources.provider import Properties, Property
from localcloud.ros.resources.schema import needs_replacement


class Step(Enum):
    """The step that makes one resource what it is to be."""

    CREATE = auto()
    CREATE_ANEW = auto()  # delete what a failed creation left, then create
    UPDATE = auto()  # in place
    REPLACE = auto()  # create another; this one is deleted once the update has succeeded
    DELETE = auto()
    RESTORE = auto()  # delete this one, and have again the one that it has replaced
    KEEP = auto()


def plan_apply(declared: Mapping[str, Property], type_name: str, current: Resource | None, wanted: Properties) -> Step:
    """Return the step towards what a template says.

    Args:
        declared: the properties that the resource type has, by name.
        type_name: of the resource, as the template says it.
        current: the resource as it is; None: there is none.
        wanted: its properties, checked.
    """
    if current is None or not current.physical_id:
        return Step.CREATE
    if current.status is ResourceStatus.CREATE_FAILED:
        return Step.CREATE_ANEW
    if current.type != type_name or needs_replacement(declared, current.properties, wanted):
        return Step.REPLACE
    refreshed = wanted.get("RefreshOptions") == "Always"  # which data sources have, and no other type
    return Step.UPDATE if refreshed or current.properties != wanted or current.status.is_failed else Step.KEEP


def plan_rollback(current: Resource, before: Resource | None) -> Step:
    """Return the step back to what was before the operation began.

    Args:
        current: the resource as it is.
        before: the resource as it was; None: there was none.
    """
    if before is None:
        return Step.DELETE
    if before.physical_id != current.physical_id:
        return Step.RESTORE
    if not current.physical_id:  # neither the operation nor one before it could make the resource
        return Step.KEEP
    return Step.UPDATE if before.properties != current.properties or current.status.is_failed else Step.KEEP
