"""The actions of the RAM API, each with the parameters that it reads.

Each action checks that the caller may do it, on the resource that RAM documents for it.
Sources: RAM API reference 2015-05-01; the models of alibabacloud_ram20150501.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.actions import Route, actions_of_accounts
from localcloud.kernel.signatures import Authenticator
from localcloud.ram.api.account import PASSWORDS, PREFERENCE, AccountCalls
from localcloud.ram.api.administration import ACCOUNTS, make_account
from localcloud.ram.api.attachments import KINDS, AttachmentCalls, EntityCalls
from localcloud.ram.api.groups import GroupCalls
from localcloud.ram.api.logins import FIELDS as LOGIN
from localcloud.ram.api.logins import LoginCalls
from localcloud.ram.api.policies import PolicyCalls
from localcloud.ram.api.roles import RoleCalls
from localcloud.ram.api.tags import TagCalls
from localcloud.ram.api.users import FIELDS, AccessKeyCalls, UserCalls
from localcloud.ram.errors import RamError
from localcloud.ram.model import Kind
from localcloud.ram.operations.directory import Directory
from localcloud.ram.operations.service import RamService

VERSION = "2015-05-01"


def routes(ram: RamService) -> dict[str, Route]:
    """Return what runs for each action."""
    roles, policies, users = RoleCalls(ram), PolicyCalls(ram), UserCalls(ram)
    keys, groups = AccessKeyCalls(ram), GroupCalls(ram)
    account, logins, tags = AccountCalls(ram), LoginCalls(ram), TagCalls(ram)
    policy, page, key = ("PolicyName", "PolicyType"), ("Marker", "MaxItems"), ("UserName", "UserAccessKeyId")
    return {
        "CreateRole": (
            roles.create,
            ("RoleName", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Tag"),
        ),
        "GetRole": (roles.get, ("RoleName",)),
        "ListRoles": (roles.list, page),
        "UpdateRole": (
            roles.update,
            ("RoleName", "NewAssumeRolePolicyDocument", "NewDescription", "NewMaxSessionDuration"),
        ),
        "DeleteRole": (roles.delete, ("RoleName",)),
        "CreateUser": (users.create, ("UserName", *FIELDS)),
        "GetUser": (users.get, ("UserName",)),
        "ListUsers": (users.list, page),
        "UpdateUser": (users.update, ("UserName", "NewUserName", *(f"New{field}" for field in FIELDS))),
        "DeleteUser": (users.delete, ("UserName",)),
        "CreateAccessKey": (keys.create, ("UserName",)),
        "ListAccessKeys": (keys.list, ("UserName",)),
        "UpdateAccessKey": (keys.update, (*key, "Status")),
        "DeleteAccessKey": (keys.delete, key),
        "CreateGroup": (groups.create, ("GroupName", "Comments")),
        "GetGroup": (groups.get, ("GroupName",)),
        "ListGroups": (groups.list, page),
        "UpdateGroup": (groups.update, ("GroupName", "NewGroupName", "NewComments")),
        "DeleteGroup": (groups.delete, ("GroupName",)),
        "AddUserToGroup": (groups.add_user, ("UserName", "GroupName")),
        "RemoveUserFromGroup": (groups.remove_user, ("UserName", "GroupName")),
        "ListGroupsForUser": (groups.list_for_user, ("UserName",)),
        "ListUsersForGroup": (groups.list_users, ("GroupName", *page)),
        "CreatePolicy": (policies.create, ("PolicyName", "PolicyDocument", "Description", "Tag")),
        "GetPolicy": (policies.get, policy),
        "ListPolicies": (policies.list, ("PolicyType", *page)),
        "DeletePolicy": (policies.delete, ("PolicyName",)),
        "CreatePolicyVersion": (
            policies.create_version,
            ("PolicyName", "PolicyDocument", "SetAsDefault", "RotateStrategy"),
        ),
        "GetPolicyVersion": (policies.get_version, (*policy, "VersionId")),
        "ListPolicyVersions": (policies.list_versions, policy),
        "DeletePolicyVersion": (policies.delete_version, ("PolicyName", "VersionId")),
        "SetDefaultPolicyVersion": (policies.set_default_version, ("PolicyName", "VersionId")),
        "UpdatePolicyDescription": (policies.update_description, ("PolicyName", "NewDescription")),
        "TagResources": (tags.tag, ("ResourceType", "ResourceNames", "Tag")),
        "UntagResources": (tags.untag, ("ResourceType", "ResourceNames", "TagKeys", "All")),
        "ListTagResources": (tags.list_all, ("ResourceType", "ResourceNames", "Tag", "NextToken", "PageSize")),
        "CreateLoginProfile": (logins.create, ("UserName", *LOGIN)),
        "GetLoginProfile": (logins.get, ("UserName",)),
        "UpdateLoginProfile": (logins.update, ("UserName", *LOGIN)),
        "DeleteLoginProfile": (logins.delete, ("UserName",)),
        "GetAccountAlias": (account.get_alias, ()),
        "SetAccountAlias": (account.set_alias, ("AccountAlias",)),
        "ClearAccountAlias": (account.clear_alias, ()),
        "GetPasswordPolicy": (account.get_password_policy, ()),
        "SetPasswordPolicy": (account.set_password_policy, PASSWORDS),
        "GetSecurityPreference": (account.get_preference, ()),
        "SetSecurityPreference": (account.set_preference, PREFERENCE),
        "ListVirtualMFADevices": (account.list_devices, ()),
        "GetUserMFAInfo": (account.find_device, ("UserName",)),
        "UnbindMFADevice": (account.find_device, ("UserName",)),
        "ListEntitiesForPolicy": (EntityCalls(ram).list_entities, policy),
        **{name: route for kind in KINDS for name, route in _attachments(AttachmentCalls(ram, kind), kind).items()},
    }


def _attachments(calls: AttachmentCalls, kind: Kind) -> dict[str, Route]:
    name, policy = f"{kind}Name", ("PolicyName", "PolicyType")
    return {
        f"AttachPolicyTo{kind}": (calls.attach, (name, *policy)),
        f"DetachPolicyFrom{kind}": (calls.detach, (name, *policy)),
        f"ListPoliciesFor{kind}": (calls.list_policies, (name,)),
    }


def create_app(
    directory: Directory, authenticator: Authenticator, *, admin_token: str, serves: Callable[[str], bool]
) -> web.Application:
    """Return the application that serves the RAM API, to each account for what is its own.

    Args:
        directory: the accounts.
        authenticator: verifies signatures that all services share.
        admin_token: the bearer token of the administration's endpoints.
        serves: says whether a host name is RAM's.
    """

    def routes_of(account_id: str) -> Mapping[str, Route]:
        return routes(directory.of(account_id))

    actions = actions_of_accounts(routes_of, directory.first.account_id, RamError)
    application = rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
    application.router.add_put(ACCOUNTS, partial(make_account, directory, admin_token))
    return application
