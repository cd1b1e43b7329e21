"""ALIYUN::RAM::Role.

The `Policies` of a role are custom policies that ROS makes, attaches and deletes with the role.
Sources: ROS, "ALIYUN::RAM::Role"; ros-cdk-ram 1.15.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from localcloud.ram import RamService
from localcloud.ram.model import DEFAULT_SESSION
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import TAGS, tags_in
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.ram_bindings import bind, bindings
from localcloud.ros.resources.ram_changes import Plan, Steps
from localcloud.ros.resources.ram_policies import DOCUMENT, IGNORE_EXISTING
from localcloud.ros.resources.rights import on_principal, verb


class Role(BlockingType):
    """A role; its physical id is its name."""

    name = "ALIYUN::RAM::Role"
    returns: Sequence[str] = ("RoleName", "RoleId", "Arn")
    properties: Mapping[str, Property] = {
        "RoleName": Property(kind="string", required=True, replaces=True, minimum=1, maximum=64),
        "AssumeRolePolicyDocument": Property(kind="map", required=True, fields=DOCUMENT),
        "Description": Property(kind="string", replaces=True, maximum=1024),
        "MaxSessionDuration": Property(kind="integer", minimum=3600, maximum=43200),
        **bindings(system=20, custom=5),
        "DeletionForce": Property(kind="boolean"),
        "IgnoreExisting": IGNORE_EXISTING,
        "Tags": TAGS,
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["RoleName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        name = self.plan_id(context, after or before or {})
        plan = Plan(self._ram, context)
        plan.rights.append(on_principal(context, f"{verb(before, after)}Role", "Role", name))
        if before and after:
            plan.retag(name, tags_in(before), tags_in(after))
        bind(plan, "Role", name, before or {}, after or {})
        if after is None and before and before.get("DeletionForce"):
            for policy in plan.attached(name):
                plan.detach(name, policy)
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(role.name == physical_id for role in self._ram.roles())

    def rights_to_read(self, context: Context, physical_id: str) -> Iterable[Right]:
        """See `Detectable`."""
        yield on_principal(context, "GetRole", "Role", physical_id)

    def present(self, context: Context, physical_id: str, properties: Given) -> Given | None:
        """See `Detectable`."""
        if not self.find(physical_id):
            return None
        role = self._ram.get_role(physical_id)
        return {
            "RoleName": role.name,
            "AssumeRolePolicyDocument": json.loads(role.trust_policy),
            "Description": role.description,
            "MaxSessionDuration": role.max_session,
        }

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = properties["RoleName"]
        with Steps(self._ram) as steps:
            self._ram.create_role(
                name, description=properties.get("Description", ""), tags=tags_in(properties), **_settings(properties)
            )
            steps.undo_with(self._ram.delete_role, name)
            bind(steps, "Role", name, {}, properties)
        return self._outcome(name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        with Steps(self._ram) as steps:
            role = self._ram.get_role(physical_id)
            self._ram.update_role(physical_id, **_settings(properties))
            steps.undo_with(
                self._ram.update_role, physical_id, trust_policy=role.trust_policy, max_session=role.max_session
            )
            steps.retag(physical_id, tags_in(previous), tags_in(properties))
            bind(steps, "Role", physical_id, previous, properties)
        return self._outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        if not self.find(physical_id):
            return
        with Steps(self._ram) as steps:
            bind(steps, "Role", physical_id, properties, {})
            if properties.get("DeletionForce"):
                for policy in self._ram.policies_of(physical_id):
                    steps.detach(physical_id, (policy.type, policy.name))
            self._ram.delete_role(physical_id)

    def _outcome(self, name: str) -> Outcome:
        role = self._ram.get_role(name)
        attributes = {"RoleName": name, "RoleId": role.role_id, "Arn": self._ram.role_arn(name)}
        return Outcome(physical_id=name, attributes=attributes)


def _settings(properties: Given) -> Given:
    return {
        "trust_policy": json.dumps(properties["AssumeRolePolicyDocument"]),
        "max_session": properties.get("MaxSessionDuration", DEFAULT_SESSION),
    }
