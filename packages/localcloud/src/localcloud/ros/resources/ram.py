"""ALIYUN::RAM::Role, ::ManagedPolicy and ::AttachPolicyToRole.

What a role's `Policies` describe are custom policies that ROS makes, attaches and deletes with the role. A change of several
steps that fails takes back the steps that were done. Sources: ROS, the page of each type; ros-cdk-ram 1.15.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, ParamSpec, Protocol, Self, TypeAlias

from localcloud.ram import RamError, RamService
from localcloud.ram.model import DEFAULT_SESSION, PolicyType
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_policy, on_role, verb

STRING = Property(kind="string")
DESCRIPTION = Property(kind="string", maximum=1024)
POLICY_NAME = Property(kind="string", required=True, minimum=1, maximum=128)
# The embedded RAM does not say who made an entity, so that one which exists is never taken over.
IGNORE_EXISTING = Property(kind="boolean", replaces=True, honoured=())
POLICY = {
    "PolicyName": POLICY_NAME,
    "Description": DESCRIPTION,
    "IgnoreExisting": IGNORE_EXISTING,
    "PolicyDocument": Property(kind="map", required=True),
}
Attached: TypeAlias = tuple[PolicyType, str]  # type and name of a policy
_Parameters = ParamSpec("_Parameters")


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
        "Tags": Property(
            kind="list",
            maximum=20,
            items=Property(kind="map", fields={"Key": Property(kind="string", required=True), "Value": STRING}),
        ),
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["RoleName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        name = self.plan_id(context, after or before or {})
        plan = _Plan(self._ram, context)
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
        with _Steps(self._ram) as steps:
            self._ram.create_role(name, description=properties.get("Description", ""), **_settings(properties))
            steps.undo_with(self._ram.delete_role, name)
            _bind(steps, name, {}, properties)
        return self._outcome(name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        with _Steps(self._ram) as steps:
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
        with _Steps(self._ram) as steps:
            _bind(steps, physical_id, properties, {})
            if properties.get("DeletionForce"):
                for policy in self._ram.policies_of(physical_id):
                    steps.detach(physical_id, (policy.type, policy.name))
            self._ram.delete_role(physical_id)

    def _outcome(self, name: str) -> Outcome:
        role = self._ram.get_role(name)
        attributes = {"RoleName": name, "RoleId": role.role_id, "Arn": self._ram.role_arn(name)}
        return Outcome(physical_id=name, attributes=attributes)


class ManagedPolicy(BlockingType):
    """A custom policy, attached to the roles that it names; its physical id is its name."""

    name = "ALIYUN::RAM::ManagedPolicy"
    properties: Mapping[str, Property] = {
        "PolicyName": Property(kind="string", required=True, replaces=True, minimum=1, maximum=128),
        "PolicyDocument": Property(kind="map"),
        "PolicyDocumentUnchecked": Property(kind="map"),
        "Description": Property(kind="string", replaces=True, maximum=1024),
        "Roles": Property(kind="list", replaces=True, items=STRING),
        "Groups": Property(kind="list", replaces=True, honoured=()),
        "Users": Property(kind="list", replaces=True, honoured=()),
        "IgnoreExisting": IGNORE_EXISTING,
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["PolicyName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        policy, plan = _managed(after or before or {}), _Plan(self._ram, context)
        if before is None:
            plan.create(policy)
            for role in (after or {}).get("Roles", []):
                plan.attach(role, ("Custom", policy.name))
        elif after is None:
            for role in before.get("Roles", []):
                plan.detach(role, ("Custom", policy.name))
            plan.delete(policy.name)
        else:
            plan.revise(policy)
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(policy.name == physical_id for policy in self._ram.policies())

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        policy = _managed(properties)
        with _Steps(self._ram) as steps:
            steps.create(policy)
            for role in properties.get("Roles", []):
                steps.attach(role, ("Custom", policy.name))
        return _policy_outcome(policy.name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        with _Steps(self._ram) as steps:
            steps.revise(_managed(properties))
        return _policy_outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with _Steps(self._ram) as steps:
            for role in properties.get("Roles", []):
                steps.detach(role, ("Custom", physical_id))
            steps.delete(physical_id)


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
        with _absent_is_fine():
            self._ram.detach_policy(properties["RoleName"], properties["PolicyName"], properties["PolicyType"])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Policy:
    """A custom policy as a template describes it."""

    name: str
    description: str
    document: str  # JSON


class _Changes(Protocol):
    """Changes of a role's own policies and attachments, done or only planned."""

    def attached(self, role: str) -> set[Attached]:
        """Return the policies that are attached to a role."""

    def is_there(self, policy: _Policy) -> bool:
        """Say whether a policy is there as it is described."""

    def create(self, policy: _Policy) -> None:
        """Make a policy."""

    def redo(self, role: str, policy: _Policy) -> None:
        """Make a role's own policy what it is to be."""

    def delete(self, name: str) -> None:
        """Delete a policy if it is there."""

    def attach(self, role: str, policy: Attached) -> None:
        """Attach a policy to a role."""

    def detach(self, role: str, policy: Attached) -> None:
        """Detach a policy from a role if it is attached."""


class _Steps:
    """Changes in a `with` block: when one of them fails, those before it are taken back, the last first."""

    def __init__(self, ram: RamService) -> None:
        self._ram = ram
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._undo.pop_all()
        self._undo.close()

    def undo_with(
        self, function: Callable[_Parameters, object], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> None:
        """Say how to take back what was done last."""
        self._undo.callback(function, *args, **kwargs)

    def create(self, policy: _Policy) -> None:
        """Make a policy."""
        self._ram.create_policy(policy.name, document=policy.document, description=policy.description)
        self.undo_with(self._ram.delete_policy, policy.name)

    def attached(self, role: str) -> set[Attached]:
        """Return the policies that are attached to a role."""
        return {(each.type, each.name) for each in self._ram.policies_of(role)}

    def is_there(self, policy: _Policy) -> bool:
        """Say whether a policy is there as it is described."""
        return _is_there(self._ram, policy)

    def revise(self, policy: _Policy) -> None:
        """Give a policy another document; the older ones go, so that no policy runs out of versions."""
        old = self._ram.get_policy(policy.name, "Custom")
        if old.default.document != policy.document:
            self._put_version(policy.name, policy.document)
            self.undo_with(self._put_version, policy.name, old.default.document)

    def redo(self, role: str, policy: _Policy) -> None:
        """Make a role's own policy anew when its description changes, for RAM cannot change that; otherwise revise it."""
        if self._ram.get_policy(policy.name, "Custom").description == policy.description:
            self.revise(policy)
            return
        self.detach(role, ("Custom", policy.name))
        self.delete(policy.name)
        self.create(policy)
        self.attach(role, ("Custom", policy.name))

    def _put_version(self, name: str, document: str) -> None:
        self._ram.create_policy_version(name, document=document, set_as_default=True, drop_oldest=True)
        self._drop_versions(name)

    def _drop_versions(self, name: str) -> None:
        policy = self._ram.get_policy(name, "Custom")
        for version in policy.versions:
            if version != policy.default:
                self._ram.delete_policy_version(name, version.version_id)

    def delete(self, name: str) -> None:
        """Delete a policy if it is there."""
        with _absent_is_fine():
            policy = self._ram.get_policy(name, "Custom")
            if not self._ram.attachments_of(policy):  # otherwise RAM refuses, and the versions are to stay
                self._drop_versions(name)
            self._ram.delete_policy(name)
            self.undo_with(
                self._ram.create_policy, name, document=policy.default.document, description=policy.description
            )

    def attach(self, role: str, policy: Attached) -> None:
        """Attach a policy to a role."""
        self._ram.attach_policy(role, policy[1], policy[0])
        self.undo_with(self._ram.detach_policy, role, policy[1], policy[0])

    def detach(self, role: str, policy: Attached) -> None:
        """Detach a policy from a role if it is attached."""
        with _absent_is_fine():
            self._ram.detach_policy(role, policy[1], policy[0])
            self.undo_with(self._ram.attach_policy, role, policy[1], policy[0])


class _Plan:
    """The rights that changes need, which are not done."""

    def __init__(self, ram: RamService, context: Context) -> None:
        self._ram = ram
        self._context = context
        self.rights: list[Right] = []

    def attached(self, role: str) -> set[Attached]:
        """See `_Changes`; a role that is to be created has none."""
        if all(each.name != role for each in self._ram.roles()):
            return set()
        return {(each.type, each.name) for each in self._ram.policies_of(role)}

    def is_there(self, policy: _Policy) -> bool:
        """See `_Changes`."""
        return _is_there(self._ram, policy)

    def create(self, policy: _Policy) -> None:
        """See `_Changes`."""
        self.rights.append(on_policy(self._context, "CreatePolicy", policy.name))

    def redo(self, role: str, policy: _Policy) -> None:
        """See `_Changes`."""
        if self._ram.get_policy(policy.name, "Custom").description == policy.description:
            self.revise(policy)
            return
        self.detach(role, ("Custom", policy.name))
        self.delete(policy.name)
        self.create(policy)
        self.attach(role, ("Custom", policy.name))

    def revise(self, policy: _Policy) -> None:
        """Give a policy another document; the older ones go."""
        actions = ("CreatePolicyVersion", "DeletePolicyVersion")
        self.rights += (on_policy(self._context, action, policy.name) for action in actions)

    def delete(self, name: str) -> None:
        """See `_Changes`."""
        actions = ("DeletePolicyVersion", "DeletePolicy")
        self.rights += (on_policy(self._context, action, name) for action in actions)

    def attach(self, role: str, policy: Attached) -> None:
        """See `_Changes`."""
        self.rights.append(on_role(self._context, "AttachPolicyToRole", role))

    def detach(self, role: str, policy: Attached) -> None:
        """See `_Changes`."""
        self.rights.append(on_role(self._context, "DetachPolicyFromRole", role))


def _is_there(ram: RamService, policy: _Policy) -> bool:
    return any(
        (each.name, each.description, each.default.document) == (policy.name, policy.description, policy.document)
        for each in ram.policies()
    )


def _bind(steps: _Changes, role: str, before: Given, after: Given) -> None:
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


def _own_policies(properties: Given) -> dict[str, _Policy]:
    policies: dict[str, _Policy] = {}
    for each in properties.get("Policies", []):
        name = each["PolicyName"]
        if name in policies:
            raise ResourceError(f"Property Policies: the PolicyName {name} is given twice")
        policies[name] = _Policy(
            name=name, description=each.get("Description", ""), document=json.dumps(each["PolicyDocument"])
        )
    return policies


def _attachments(properties: Given) -> list[Attached]:
    kinds: tuple[Literal["System"], Literal["Custom"]] = ("System", "Custom")
    given = properties.get("PolicyAttachments", {})
    return [(kind, name) for kind in kinds for name in dict.fromkeys(given.get(kind, []))]


def _managed(properties: Given) -> _Policy:
    document = properties.get("PolicyDocumentUnchecked") or properties.get("PolicyDocument", {})
    return _Policy(
        name=properties["PolicyName"], description=properties.get("Description", ""), document=json.dumps(document)
    )


def _policy_outcome(name: str) -> Outcome:
    return Outcome(physical_id=name, attributes={"PolicyName": name})


def _settings(properties: Given) -> Given:
    return {
        "trust_policy": json.dumps(properties["AssumeRolePolicyDocument"]),
        "max_session": properties.get("MaxSessionDuration", DEFAULT_SESSION),
    }


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    try:
        yield
    except RamError as error:
        if not error.code.startswith("EntityNotExist."):
            raise
