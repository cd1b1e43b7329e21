"""ALIYUN::RAM::ManagedPolicy. Sources: ROS, "ALIYUN::RAM::ManagedPolicy"; ros-cdk-ram 1.15.0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from localcloud.ram import RamService
from localcloud.ram.model import Kind
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.ram_changes import Plan, Policy, Steps
from localcloud.ros.resources.rights import on_policy

# The embedded RAM does not say who made an entity, so that one which exists is never taken over.
IGNORE_EXISTING = Property(kind="boolean", replaces=True, supported=())
DOCUMENT = {  # of a policy; RAM checks the statements
    "Version": Property(kind="string", required=True),
    "Statement": Property(kind="list", required=True),
}


class ManagedPolicy(BlockingType):
    """A custom policy, attached to the roles, users and groups that it names; its physical id is its name."""

    name = "ALIYUN::RAM::ManagedPolicy"
    returns: Sequence[str] = ("PolicyName",)
    properties: Mapping[str, Property] = {
        "PolicyName": Property(kind="string", required=True, replaces=True, minimum=1, maximum=128),
        "PolicyDocument": Property(kind="map", fields=DOCUMENT),
        "PolicyDocumentUnchecked": Property(kind="map"),
        "Description": Property(kind="string", replaces=True, maximum=1024),
        "Roles": Property(kind="list", replaces=True, items=STRING),
        "Groups": Property(kind="list", replaces=True, items=STRING),
        "Users": Property(kind="list", replaces=True, items=STRING),
        "IgnoreExisting": IGNORE_EXISTING,
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["PolicyName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        policy, plan = _managed(after or before or {}), Plan(self._ram, context)
        if before is None:
            plan.create(policy)
            for name, kind in _holders(after or {}):
                plan.attach(name, ("Custom", policy.name), kind)
        elif after is None:
            for name, kind in _holders(before):
                plan.detach(name, ("Custom", policy.name), kind)
            plan.delete(policy.name)
        else:
            plan.revise(policy)
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(policy.name == physical_id for policy in self._ram.policies())

    def rights_to_read(self, context: Context, physical_id: str) -> Iterable[Right]:
        """See `Detectable`."""
        yield on_policy(context, "GetPolicy", physical_id)

    def present(self, context: Context, physical_id: str, properties: Given) -> Given | None:
        """See `Detectable`."""
        if not self.find(physical_id):
            return None
        policy = self._ram.get_policy(physical_id, "Custom")
        return {
            "PolicyName": policy.name,
            "PolicyDocument": json.loads(policy.default.document),
            "Description": policy.description,
        }

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        policy = _managed(properties)
        with Steps(self._ram) as steps:
            steps.create(policy)
            for name, kind in _holders(properties):
                steps.attach(name, ("Custom", policy.name), kind)
        return _policy_outcome(policy.name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        with Steps(self._ram) as steps:
            steps.revise(_managed(properties))
        return _policy_outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with Steps(self._ram) as steps:
            for name, kind in _holders(properties):
                steps.detach(name, ("Custom", physical_id), kind)
            steps.delete(physical_id)


def _holders(properties: Given) -> Iterator[tuple[str, Kind]]:
    """Yield the roles, users and groups that a policy is attached to."""
    kinds: tuple[Kind, ...] = ("Role", "User", "Group")
    for kind in kinds:
        for name in properties.get(f"{kind}s", []):
            yield name, kind


def _managed(properties: Given) -> Policy:
    document = properties.get("PolicyDocumentUnchecked") or properties.get("PolicyDocument", {})
    return Policy(
        name=properties["PolicyName"], description=properties.get("Description", ""), document=json.dumps(document)
    )


def _policy_outcome(name: str) -> Outcome:
    return Outcome(physical_id=name, attributes={"PolicyName": name})
