"""The actions of the Resource Manager API, each with the parameters that it reads.

Source: Resource Manager API reference 2020-03-31.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.actions import Route, actions_of_accounts
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.signatures import Authenticator
from localcloud.resourcemanager.api.groups import GroupCalls
from localcloud.resourcemanager.api.linkedroles import LinkedRoleCalls
from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.operations.linkedroles import AccountRoles, LinkedRoles
from localcloud.resourcemanager.operations.service import ResourceManagerService, ResourceManagerServices

VERSION = "2020-03-31"


def routes(
    groups: ResourceManagerService, roles: LinkedRoles, authorizer: Authorizer, *, region: str, account_id: str
) -> Mapping[str, Route]:
    """Return what runs for each action, and the parameters that it reads."""
    calls = GroupCalls(groups, authorizer, region=region, account_id=account_id)
    linked = LinkedRoleCalls(roles, authorizer, account_id=account_id)
    group = "ResourceGroupId"
    return {
        "CreateResourceGroup": (calls.create, ("Name", "DisplayName")),
        "GetResourceGroup": (calls.get, (group,)),
        "ListResourceGroups": (calls.list, (group, "Name", "DisplayName", "Status", "PageNumber", "PageSize")),
        "UpdateResourceGroup": (calls.update, (group, "NewDisplayName")),
        "DeleteResourceGroup": (calls.delete, (group,)),
        "CheckServiceLinkedRoleExistence": (linked.check, ("ServiceName",)),
        "CreateServiceLinkedRole": (linked.create, ("ServiceName", "CustomSuffix", "Description")),
    }


def create_app(
    groups: ResourceManagerServices,
    authenticator: Authenticator,
    *,
    roles_of: Callable[[str], AccountRoles],
    authorizer: Authorizer,
    region: str,
    account_id: str,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves the Resource Manager API, to each account for what is its own.

    Args:
        groups: the domain.
        authenticator: verifies signatures that all services share.
        roles_of: returns the roles of an account.
        authorizer: decides about policies.
        region: the region that the embedded cloud plays.
        account_id: the first account.
        serves: says whether a host name is Resource Manager's.
    """

    def routes_of(account_id: str) -> Mapping[str, Route]:
        linked = LinkedRoles(roles_of(account_id))
        return routes(groups.of(account_id), linked, authorizer, region=region, account_id=account_id)

    actions = actions_of_accounts(routes_of, account_id, ResourceManagerError)
    return rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
