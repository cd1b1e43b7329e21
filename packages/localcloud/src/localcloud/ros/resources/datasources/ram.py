"""DATASOURCE::RAM::Role, ::Roles, ::User, ::Users, ::Groups and ::Policies. Source: see `source`, and the RAM API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from localcloud.kernel.times import to_seconds
from localcloud.ram import RamService
from localcloud.ram.model import Group, Kind, ManagedPolicy, Role, User
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.datasources.source import REFRESH, STRING, DataSource, ListSource, is_like
from localcloud.ros.resources.provider import Context, Property, Right
from localcloud.ros.resources.rights import on_policy, on_principal


class _OfRam(DataSource):
    def __init__(self, ram: RamService) -> None:
        self._ram = ram


class RoleSource(_OfRam):
    """A role; that it has to be named is assumed, for the vendor's package lets it be."""

    name = "DATASOURCE::RAM::Role"
    properties: Mapping[str, Property] = {"RoleName": STRING, **REFRESH}
    returns: Sequence[str] = (
        "RoleId",
        "RoleName",
        "Arn",
        "Description",
        "MaxSessionDuration",
        "CreateDate",
        "UpdateDate",
    )

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_principal(context, "GetRole", "Role", self._name(properties))

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        return _write_role(self._ram, self._ram.get_role(self._name(properties)))

    def _name(self, properties: Given) -> str:
        if not properties.get("RoleName"):
            raise ResourceError(f"{self.name}: give RoleName")
        return str(properties["RoleName"])


class RolesSource(_OfRam, ListSource):
    """The roles, or those with such names."""

    name = "DATASOURCE::RAM::Roles"
    properties: Mapping[str, Property] = {"RoleName": STRING, **REFRESH}
    returns: Sequence[str] = ("RoleNames", "Roles")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_principal(context, "ListRoles", "Role", "*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        found = [each for each in self._ram.roles() if is_like(properties, "RoleName", each.name)]
        return self.tell(found, partial(_write_role, self._ram))


class UserSource(_OfRam):
    """A user, by name or number; with neither, whoever asked for the operation."""

    name = "DATASOURCE::RAM::User"
    properties: Mapping[str, Property] = {"UserName": STRING, "UserId": STRING, **REFRESH}
    returns: Sequence[str] = ("UserId", "UserName", "DisplayName", "Email", "MobilePhone", "Comments")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_principal(context, "GetUser", "User", self._find(context, properties).name)

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        user = self._find(context, properties)
        return {
            "UserId": user.user_id,
            "UserName": user.name,
            "DisplayName": user.display_name,
            "Email": user.email,
            "MobilePhone": user.mobile_phone,
            "Comments": user.comments,
        }

    def _find(self, context: Context, properties: Given) -> User:
        if name := properties.get("UserName"):
            return self._ram.get_user(name)
        number = properties.get("UserId") or context.caller.identity.user_id
        found = [each for each in self._ram.users() if each.user_id == number]
        if not found:
            given = f"there is no user with the number {number}" if number else "whoever asks is no RAM user"
            raise ResourceError(f"{self.name}: {given}: give UserName")
        return found[0]


class UsersSource(_OfRam, ListSource):
    """The users, or those with such names, or in a group."""

    name = "DATASOURCE::RAM::Users"
    properties: Mapping[str, Property] = {"UserName": STRING, "GroupName": STRING, **REFRESH}
    returns: Sequence[str] = ("UserNames", "Users")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_principal(context, "ListUsers", "User", "*")
        if group := properties.get("GroupName"):
            yield on_principal(context, "ListUsersForGroup", "Group", group)

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        found = [each for each in self._ram.users() if is_like(properties, "UserName", each.name)]
        if group := properties.get("GroupName"):
            members = {each.user for each in self._ram.get_group(group).members}
            found = [each for each in found if each.name in members]
        return self.tell(found, _write_user)


class GroupsSource(_OfRam, ListSource):
    """The groups, or those with such names, or of a user."""

    name = "DATASOURCE::RAM::Groups"
    properties: Mapping[str, Property] = {"GroupName": STRING, "UserName": STRING, **REFRESH}
    returns: Sequence[str] = ("GroupNames", "Groups")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_principal(context, "ListGroups", "Group", "*")
        if user := properties.get("UserName"):
            yield on_principal(context, "ListGroupsForUser", "User", user)

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        user = properties.get("UserName")
        groups = self._ram.groups_of(user) if user else self._ram.groups()
        found = [each for each in groups if is_like(properties, "GroupName", each.name)]
        return self.tell(found, _write_group)


class PoliciesSource(_OfRam, ListSource):
    """The policies, or those with such names, of a type, or of a user, group or role."""

    name = "DATASOURCE::RAM::Policies"
    properties: Mapping[str, Property] = {
        "PolicyName": STRING,
        "PolicyType": Property(kind="string", choices=("Custom", "System")),
        "UserName": STRING,
        "GroupName": STRING,
        "RoleName": STRING,
        **REFRESH,
    }
    returns: Sequence[str] = ("PolicyNames", "Policies")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_policy(context, "ListPolicies", "*")
        for kind, name in _holders(properties):
            yield on_principal(context, f"ListPoliciesFor{kind}", kind, name)

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        found = self._ram.policies()
        for kind, name in _holders(properties):
            held = {(each.name, each.type) for each in self._ram.policies_of(name, kind=kind)}
            found = [each for each in found if (each.name, each.type) in held]
        wanted = properties.get("PolicyType")
        found = [each for each in found if wanted in (None, each.type) and is_like(properties, "PolicyName", each.name)]
        return self.tell(found, partial(_write_policy, self._ram))


def _holders(properties: Given) -> Iterable[tuple[Kind, str]]:
    kinds: tuple[Kind, ...] = ("User", "Group", "Role")
    return [(kind, properties[f"{kind}Name"]) for kind in kinds if properties.get(f"{kind}Name")]


def _write_role(ram: RamService, role: Role) -> Given:
    return {
        "RoleId": role.role_id,
        "RoleName": role.name,
        "Arn": ram.role_arn(role.name),
        "Description": role.description,
        "MaxSessionDuration": role.max_session,
        "CreateDate": to_seconds(role.created),
        "UpdateDate": to_seconds(role.updated),
    }


def _write_user(user: User) -> Given:
    return {
        "UserId": user.user_id,
        "UserName": user.name,
        "DisplayName": user.display_name,
        "Comments": user.comments,
        "CreateDate": to_seconds(user.created),
    }


def _write_group(group: Group) -> Given:
    return {
        "GroupName": group.name,
        "Comments": group.comments,
        "CreateDate": to_seconds(group.created),
        "UpdateDate": to_seconds(group.updated),
    }


def _write_policy(ram: RamService, policy: ManagedPolicy) -> Given:
    return {
        "PolicyName": policy.name,
        "PolicyType": policy.type,
        "Description": policy.description,
        "DefaultVersion": policy.default_version,
        "AttachmentCount": len(ram.attachments_of(policy)),
        "CreateDate": to_seconds(policy.created),
        "UpdateDate": to_seconds(policy.updated),
    }
