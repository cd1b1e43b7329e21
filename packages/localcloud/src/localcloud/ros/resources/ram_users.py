"""ALIYUN::RAM::User, ::AccessKey, ::Group and ::UserToGroupAddition.

The `Policies` of a user or group are custom policies that ROS makes, attaches and deletes with it.
Sources: ROS, the page of each type; ros-cdk-ram 1.15.0. That a list of members and not their order counts is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from localcloud.kernel.times import to_seconds
from localcloud.ram import RamService
from localcloud.ram.errors import RamError
from localcloud.ram.model import Kind
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.ram_bindings import bind, bindings
from localcloud.ros.resources.ram_changes import Changes, Plan, Steps, absent_is_fine
from localcloud.ros.resources.ram_policies import IGNORE_EXISTING
from localcloud.ros.resources.rights import on_principal, verb

_FIXED = Property(kind="string", replaces=True)
_NAME = Property(kind="string", required=True, replaces=True, minimum=1, maximum=64)
_LOGIN = {
    "Password": Property(kind="string", minimum=8, maximum=32),
    "PasswordResetRequired": Property(kind="boolean"),
    "MFABindRequired": Property(kind="boolean"),
}
_NAMES = Property(kind="list", replaces=True, items=STRING)


class User(BlockingType):
    """A user, in groups and with policies; its physical id is its name."""

    name = "ALIYUN::RAM::User"
    returns: Sequence[str] = ("UserName", "UserId", "CreateDate", "LastLoginDate")
    properties: Mapping[str, Property] = {
        "UserName": _NAME,
        "Comments": Property(kind="string", replaces=True, minimum=1, maximum=128),
        "DeletionForce": Property(kind="boolean"),
        "DisplayName": _FIXED,
        "Email": _FIXED,
        "Groups": _NAMES,
        "LoginProfile": Property(kind="map", replaces=True, fields=_LOGIN),
        "MobilePhone": _FIXED,
        **bindings(system=20, custom=10),
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["UserName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        name = self.plan_id(context, after or before or {})
        plan = Plan(self._ram, context)
        action = "Get" if before and after else verb(before, after)  # nothing of the user itself changes in place
        plan.rights.append(on_principal(context, f"{action}User", "User", name))
        if before is None and after and after.get("LoginProfile"):
            plan.rights.append(on_principal(context, "CreateLoginProfile", "User", name))
        action = "AddUserToGroup" if before is None else "RemoveUserFromGroup"
        if before is None or after is None:
            for group in (after or before or {}).get("Groups", []):
                plan.rights.append(on_principal(context, action, "Group", group))
        bind(plan, "User", name, before or {}, after or {})
        if after is None and before and before.get("DeletionForce"):
            _empty(plan, "User", name)
            plan.rights.append(on_principal(context, "DeleteAccessKey", "User", name))
            for each in self._ram.groups_of(name) if self.find(name) else ():
                plan.rights.append(on_principal(context, "RemoveUserFromGroup", "Group", each.name))
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(user.name == physical_id for user in self._ram.users())

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = properties["UserName"]
        with Steps(self._ram) as steps:
            self._ram.create_user(
                name,
                display_name=properties.get("DisplayName", ""),
                comments=properties.get("Comments", ""),
                email=properties.get("Email", ""),
                mobile_phone=properties.get("MobilePhone", ""),
            )
            steps.undo_with(self._ram.delete_user, name)
            if login := properties.get("LoginProfile"):
                self._ram.put_login(
                    name,
                    login.get("Password"),
                    reset_required=login.get("PasswordResetRequired"),
                    mfa_required=login.get("MFABindRequired"),
                    new=True,
                )
            for group in properties.get("Groups", []):
                self._ram.add_user_to_group(name, group)
                steps.undo_with(self._ram.remove_user_from_group, name, group)
            bind(steps, "User", name, {}, properties)
        return self._outcome(name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        outcome = self._outcome(physical_id)
        with Steps(self._ram) as steps:
            bind(steps, "User", physical_id, previous, properties)
        return outcome

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        if not self.find(physical_id):
            return
        with Steps(self._ram) as steps:
            bind(steps, "User", physical_id, properties, {})
            force = properties.get("DeletionForce")
            if force:
                _empty(steps, "User", physical_id)
                for key in self._ram.access_keys(physical_id):
                    self._ram.delete_access_key(physical_id, key.access_key_id)
            for group in self._ram.groups_of(physical_id):
                if force or group.name in properties.get("Groups", []):
                    self._ram.remove_user_from_group(physical_id, group.name)
                    steps.undo_with(self._ram.add_user_to_group, physical_id, group.name)
            self._ram.delete_user(physical_id)

    def _outcome(self, name: str) -> Outcome:
        user = self._ram.get_user(name)
        created = to_seconds(user.created)
        attributes = {"UserName": name, "UserId": user.user_id, "CreateDate": created, "LastLoginDate": ""}
        return Outcome(physical_id=name, attributes=attributes)


class Group(BlockingType):
    """A group with policies; its physical id is its name."""

    name = "ALIYUN::RAM::Group"
    returns: Sequence[str] = ("GroupName",)
    properties: Mapping[str, Property] = {
        "GroupName": _NAME,
        "Comments": Property(kind="string", replaces=True, maximum=128),
        "DeletionForce": Property(kind="boolean"),
        "IgnoreExisting": IGNORE_EXISTING,
        **bindings(system=20, custom=5),
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["GroupName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        name = self.plan_id(context, after or before or {})
        plan = Plan(self._ram, context)
        action = "Get" if before and after else verb(before, after)
        plan.rights.append(on_principal(context, f"{action}Group", "Group", name))
        bind(plan, "Group", name, before or {}, after or {})
        if after is None and before and before.get("DeletionForce"):
            _empty(plan, "Group", name)
            plan.rights.append(on_principal(context, "RemoveUserFromGroup", "Group", name))
        return plan.rights

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return any(group.name == physical_id for group in self._ram.groups())

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = properties["GroupName"]
        with Steps(self._ram) as steps:
            self._ram.create_group(name, comments=properties.get("Comments", ""))
            steps.undo_with(self._ram.delete_group, name)
            bind(steps, "Group", name, {}, properties)
        return Outcome(physical_id=name, attributes={"GroupName": name})

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        self._ram.get_group(physical_id)  # it may be gone
        with Steps(self._ram) as steps:
            bind(steps, "Group", physical_id, previous, properties)
        return Outcome(physical_id=physical_id, attributes={"GroupName": physical_id})

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        if not self.find(physical_id):
            return
        with Steps(self._ram) as steps:
            bind(steps, "Group", physical_id, properties, {})
            if properties.get("DeletionForce"):
                _empty(steps, "Group", physical_id)
                for member in self._ram.get_group(physical_id).members:
                    self._ram.remove_user_from_group(member.user, physical_id)
                    steps.undo_with(self._ram.add_user_to_group, member.user, physical_id)
            self._ram.delete_group(physical_id)


class UserToGroupAddition(BlockingType):
    """Users in a group; the physical id is the group's name (assumed)."""

    name = "ALIYUN::RAM::UserToGroupAddition"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {
        "GroupName": _NAME,
        "Users": Property(kind="list", required=True, replaces=True, items=STRING),
    }

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['GroupName']}/{','.join(properties['Users'])}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        action = "AddUserToGroup" if before is None else "RemoveUserFromGroup"
        yield on_principal(context, action, "Group", (after or before or {})["GroupName"])

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        name, _, users = physical_id.partition("/")
        groups = {group.name: {member.user for member in group.members} for group in self._ram.groups()}
        return bool(users) and set(users.split(",")) <= groups.get(name, set())

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        with Steps(self._ram) as steps:
            for user in properties["Users"]:
                self._ram.add_user_to_group(user, properties["GroupName"])
                steps.undo_with(self._ram.remove_user_from_group, user, properties["GroupName"])
        return Outcome(physical_id=self.plan_id(context, properties), attributes={})

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        for user in properties["Users"]:
            with absent_is_fine():
                self._ram.remove_user_from_group(user, properties["GroupName"])


class AccessKey(BlockingType):
    """An access key of a user; its physical id is `USER/ID` (assumed), of which the id is known once it is made."""

    name = "ALIYUN::RAM::AccessKey"
    returns: Sequence[str] = ("AccessKeyId", "AccessKeySecret", "Status")
    properties: Mapping[str, Property] = {"UserName": Property(kind="string", required=True, replaces=True)}

    def __init__(self, ram: RamService) -> None:
        self._ram = ram

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['UserName']}/"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        yield on_principal(context, f"{verb(before, after)}AccessKey", "User", (after or before or {})["UserName"])

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        user, _, key = physical_id.partition("/")
        try:
            return any(each.access_key_id == key for each in self._ram.access_keys(user))
        except RamError as error:
            if error.code == "EntityNotExist.User":
                return False
            raise

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        key = self._ram.create_access_key(properties["UserName"])
        attributes = {
            "AccessKeyId": key.access_key_id,
            "AccessKeySecret": key.access_key_secret,
            "Status": key.status,
        }
        return Outcome(physical_id=f"{key.user}/{key.access_key_id}", attributes=attributes)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        user, _, key = physical_id.partition("/")
        with absent_is_fine():
            self._ram.delete_access_key(user, key)


def _empty(changes: Changes, kind: Kind, name: str) -> None:
    """Detach all policies of a user or group."""
    for policy in changes.attached(name, kind):
        changes.detach(name, policy, kind)
