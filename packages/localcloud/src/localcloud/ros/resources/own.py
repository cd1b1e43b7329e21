"""The resource types that need no other service: ROS's own."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.ros.resources.nested import Children, NestedStack
from localcloud.ros.resources.provider import ResourceType
from localcloud.ros.resources.waiting import Signals, Sleep, WaitCondition, WaitConditionHandle


def own_types(children: Children, signals: Signals) -> Mapping[str, ResourceType]:
    """Return ROS's own resource types by name.

    Args:
        children: where nested stacks are made.
        signals: where handles are made and signals arrive.
    """
    types: tuple[ResourceType, ...] = (
        NestedStack(children),
        WaitConditionHandle(signals),
        WaitCondition(signals),
        Sleep(),
    )
    return {each.name: each for each in types}
