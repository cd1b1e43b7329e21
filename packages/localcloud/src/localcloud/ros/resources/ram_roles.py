"""ALIYUN::RAM::Role and ::AttachPolicyToRole.

The `Policies` of a role are custom policies that ROS makes, attaches and deletes with the role.
Sources: ROS, the page of each type; ros-cdk-ram 1.15.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from localcloud.ram import RamService
from localcloud.ram.model import DEFAULT_SESSION
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import STRING, TAGS
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.ram_changes import Attached, Changes, Plan, Policy, Steps, absent_is_fine
from localcloud.ros.resources.ram_policies import IGNORE_EXISTING
from localcloud.ros.resources.rights import on_role, verb

POLICY = {
    "PolicyName": Property(kind="string", required=True, minimum=1, maximum=128),
    "Description": Property(kind="string", maximum=1024),
    "IgnoreExisting": IGNORE_EXISTING,
    "PolicyDocument": Property(kind="map", required=True),
}


class Role(BlockingType):
    """A role; its physical id is its name."""

    name = "ALIYUN::RAM::Role"
    properties: Mapping[str, Property] = {
        "RoleName": Property(kind="string", required=True, replaces=True, minimum=1, maximum=64),
        "AssumeRolePolicyDocument": Property(kind="map", required=True),
        "Description": Property(kind="string", replaces=True, maximum=1024),
        "MaxSessionDuration": Property(kind="integer", minimum=3600, maximum=43200),
        "Policies": Property(kind="list", items=Property(kind="map", fields=POLICY)),
        "PolicyAttachments": Property(
            kind="map",
            fields={
                "System": Property(kind="list", items=STRING, maximum=20),
                "Custom": Property(kind="list", items=STRING, maximum=5),
            },
        ),
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
        plan.rights.append(on_role(context, f"{verb(before, after)}Role", name))
        _bind(plan, name, before or {}, after or {})
        if after is None and before and before.get("DeletionForce"):
            for policy in plan.attached(name):
                plan.detach(name, policy)
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(role.name == physical_id for role in self._ram.roles())

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = properties["RoleName"]
        with Steps(self._ram) as steps:
            self._ram.create_role(name, description=properties.get("Description", ""), **_settings(properties))
            steps.undo_with(self._ram.delete_role, name)
            _bind(steps, name, {}, properties)
        return self._outcome(name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        with Steps(self._ram) as steps:
            role = self._ram.get_role(physical_id)
            self._ram.update_role(physical_id, **_settings(properties))
            steps.undo_with(
                self._ram.update_role, physical_id, trust_policy=role.trust_policy, max_session=role.max_session
            )
            _bind(steps, physical_id, previous, properties)
        return self._outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        if not self.find(physical_id):
            return
        with Steps(self._ram) as steps:
            _bind(steps, physical_id, properties, {})
            if properties.get("DeletionForce"):
                for policy in self._ram.policies_of(physical_id):
                    steps.detach(physical_id, (policy.type, policy.name))
            self._ram.delete_role(physical_id)

    def _outcome(self, name: str) -> Outcome:
        role = self._ram.get_role(name)
        attributes = {"RoleName": name, "RoleId": role.role_id, "Arn": self._ram.role_arn(name)}
        return Outcome(physical_id=name, attributes=attributes)


class AttachPolicyToRole(BlockingType):
    """A policy attached to a role; its physical id is `ROLE/TYPE/POLICY` (assumed)."""

    name = "ALIYUN::RAM::AttachPolicyToRole"
    properties: Mapping[str, Property] = {
        "PolicyName": Property(kind="string", required=True, replaces=True),
        "PolicyType": Property(kind="string", required=True, replaces=True, choices=("System", "Custom")),
        "RoleName": Property(kind="string", required=True, replaces=True),
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return "/".join(str(properties[name]) for name in ("RoleName", "PolicyType", "PolicyName"))

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        action = "AttachPolicyToRole" if before is None else "DetachPolicyFromRole"
        yield on_role(context, action, str((after or before or {})["RoleName"]))

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        role, kind, policy = physical_id.split("/", 2)
        attached = self._ram.policies_of(role) if any(each.name == role for each in self._ram.roles()) else []
        return any((each.type, each.name) == (kind, policy) for each in attached)

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        self._ram.attach_policy(properties["RoleName"], properties["PolicyName"], properties["PolicyType"])
        return Outcome(physical_id=self.plan_id(context, properties), attributes={})

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with absent_is_fine():
            self._ram.detach_policy(properties["RoleName"], properties["PolicyName"], properties["PolicyType"])


def _bind(steps: Changes, role: str, before: Given, after: Given) -> None:
    """Make a role's own policies and its attachments what they are to be: first what goes, then what comes.

    What `before` describes may have been tried only, so what is there counts: nothing is deleted that is not attached to the
    role, and what is there already as it is to be stays.
    """
    there = steps.attached(role)
    old, new = _own_policies(before), _own_policies(after)
    for name in old:
        if name not in new and ("Custom", name) in there:
            there.remove(("Custom", name))
            steps.detach(role, ("Custom", name))
            steps.delete(name)
    for attached in _attachments(before):
        if attached in there and attached not in _attachments(after):
            there.remove(attached)
            steps.detach(role, attached)
    for name, policy in new.items():
        ours = name in old or steps.is_there(policy)
        if ("Custom", name) in there and ours:
            steps.redo(role, policy)
        else:
            steps.create(policy)
            steps.attach(role, ("Custom", name))
    for attached in _attachments(after):
        if attached not in there:
            steps.attach(role, attached)


def _own_policies(properties: Given) -> dict[str, Policy]:
    policies: dict[str, Policy] = {}
    for each in properties.get("Policies", []):
        name = each["PolicyName"]
        if name in policies:
            raise ResourceError(f"Property Policies: the PolicyName {name} is given twice")
        policies[name] = Policy(
            name=name, description=each.get("Description", ""), document=json.dumps(each["PolicyDocument"])
        )
    return policies


def _attachments(properties: Given) -> list[Attached]:
    kinds: tuple[Literal["System"], Literal["Custom"]] = ("System", "Custom")
    given = properties.get("PolicyAttachments", {})
    return [(kind, name) for kind in kinds for name in dict.fromkeys(given.get(kind, []))]


def _settings(properties: Given) -> Given:
    return {
        "trust_policy": json.dumps(properties["AssumeRolePolicyDocument"]),
        "max_session": properties.get("MaxSessionDuration", DEFAULT_SESSION),
    }
