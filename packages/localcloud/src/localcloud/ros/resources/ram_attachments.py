"""ALIYUN::RAM::AttachPolicyToRole, ::AttachPolicyToUser and ::AttachPolicyToGroup.

Sources: ROS, the page of each type; ros-cdk-ram 1.15.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localcloud.ram import RamService
from localcloud.ram.errors import RamError
from localcloud.ram.model import Kind
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.ram_changes import absent_is_fine
from localcloud.ros.resources.rights import on_principal

_NAME = Property(kind="string", required=True, replaces=True)
_POLICY = {
    "PolicyName": _NAME,
    "PolicyType": Property(kind="string", required=True, replaces=True, choices=("System", "Custom")),
}


class AttachPolicyToRole(BlockingType):
    """A policy attached to a role; its physical id is `ROLE/TYPE/POLICY` (assumed)."""

    name = "ALIYUN::RAM::AttachPolicyToRole"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {**_POLICY, "RoleName": _NAME}
    kind: Kind = "Role"

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return "/".join(str(properties[name]) for name in (f"{self.kind}Name", "PolicyType", "PolicyName"))

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        action = f"AttachPolicyTo{self.kind}" if before is None else f"DetachPolicyFrom{self.kind}"
        yield on_principal(context, action, self.kind, (after or before or {})[f"{self.kind}Name"])

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        name, policy_type, policy = physical_id.split("/", 2)
        try:
            attached = self._ram.policies_of(name, kind=self.kind)
        except RamError as error:
            if error.code == f"EntityNotExist.{self.kind}":
                return False
            raise
        return any((each.type, each.name) == (policy_type, policy) for each in attached)

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        self._ram.attach_policy(*_arguments(self.kind, properties), kind=self.kind)
        attributes = {name: properties[name] for name in self.returns}
        return Outcome(physical_id=self.plan_id(context, properties), attributes=attributes)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with absent_is_fine():
            self._ram.detach_policy(*_arguments(self.kind, properties), kind=self.kind)


class AttachPolicyToUser(AttachPolicyToRole):
    """A policy attached to a user; its physical id is `USER/TYPE/POLICY` (assumed)."""

    name = "ALIYUN::RAM::AttachPolicyToUser"
    properties: Mapping[str, Property] = {**_POLICY, "UserName": _NAME}
    kind: Kind = "User"


class AttachPolicyToGroup(AttachPolicyToRole):
    """A policy attached to a group; its physical id is `GROUP/TYPE/POLICY` (assumed)."""

    name = "ALIYUN::RAM::AttachPolicyToGroup"
    returns: Sequence[str] = ("GroupName", "PolicyName")
    properties: Mapping[str, Property] = {**_POLICY, "GroupName": _NAME}
    kind: Kind = "Group"


def _arguments(kind: Kind, properties: Given) -> Sequence[Any]:
    return properties[f"{kind}Name"], properties["PolicyName"], properties["PolicyType"]
