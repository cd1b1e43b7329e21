"""The policies of a role, user or group: those that ROS makes, attaches and deletes with it, and those that it only attaches.

Sources: ROS, "ALIYUN::RAM::Role"; ros-cdk-ram 1.15.0.
"""

from __future__ import annotations

import json
from typing import Literal

from localcloud.ram.model import Kind
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Property
from localcloud.ros.resources.ram_changes import Attached, Changes, Policy
from localcloud.ros.resources.ram_policies import DOCUMENT, IGNORE_EXISTING

_POLICY = {
    "PolicyName": Property(kind="string", required=True, minimum=1, maximum=128),
    "Description": Property(kind="string", maximum=1024),
    "IgnoreExisting": IGNORE_EXISTING,
    "PolicyDocument": Property(kind="map", required=True, fields=DOCUMENT),
}


def bindings(*, system: int, custom: int) -> dict[str, Property]:
    """Return the properties that tell policies.

    Args:
        system: the most system policies that may be attached.
        custom: the most custom ones.
    """
    limits = {"System": system, "Custom": custom}
    attached = {name: Property(kind="list", items=STRING, maximum=most) for name, most in limits.items()}
    return {
        "Policies": Property(kind="list", items=Property(kind="map", fields=_POLICY)),
        "PolicyAttachments": Property(kind="map", fields=attached),
    }


def bind(steps: Changes, kind: Kind, name: str, before: Given, after: Given) -> None:
    """Make the own policies of a role, user or group and its attachments what they are to be: first what goes, then what comes.

    What `before` describes may have been tried only, so what is there counts: nothing is deleted that is not attached
    there, and what is there already as it is to be stays.
    """
    there = steps.attached(name, kind)
    old, new = _own_policies(before), _own_policies(after)
    for policy in old:
        if policy not in new and ("Custom", policy) in there:
            there.remove(("Custom", policy))
            steps.detach(name, ("Custom", policy), kind)
            steps.delete(policy)
    for attached in _attachments(before):
        if attached in there and attached not in _attachments(after):
            there.remove(attached)
            steps.detach(name, attached, kind)
    for policy, described in new.items():
        ours = policy in old or steps.is_there(described)
        if ("Custom", policy) in there and ours:
            steps.redo(name, described, kind)
        else:
            steps.create(described)
            steps.attach(name, ("Custom", policy), kind)
    for attached in _attachments(after):
        if attached not in there:
            steps.attach(name, attached, kind)


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
