"""The actions of the Resource Manager API, each with the parameters that it reads.

Source: Resource Manager API reference 2020-03-31.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.parameters import Answer, blocking_action
from localcloud.kernel.rpc import Call
from localcloud.kernel.signatures import Authenticator
from localcloud.resourcemanager.api.groups import GroupCalls
from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.operations.service import ResourceManagerService, ResourceManagerServices

VERSION = "2020-03-31"


def routes(
    groups: ResourceManagerService, authorizer: Authorizer, *, region: str, account_id: str
) -> Mapping[str, tuple[Callable[[Call], Answer], tuple[str, ...]]]:
    """Return what runs for each action, and the parameters that it reads."""
    calls = GroupCalls(groups, authorizer, region=region, account_id=account_id)
    group = "ResourceGroupId"
    return {
        "CreateResourceGroup": (calls.create, ("Name", "DisplayName")),
        "GetResourceGroup": (calls.get, (group,)),
        "ListResourceGroups": (calls.list, (group, "Name", "DisplayName", "Status", "PageNumber", "PageSize")),
        "UpdateResourceGroup": (calls.update, (group, "NewDisplayName")),
        "DeleteResourceGroup": (calls.delete, (group,)),
    }


def create_app(
    groups: ResourceManagerServices,
    authenticator: Authenticator,
    *,
    authorizer: Authorizer,
    region: str,
    account_id: str,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves the Resource Manager API, to each account for what is its own.

    Args:
        groups: the domain.
        authenticator: verifies signatures that all services share.
        authorizer: decides about policies.
        region: the region that the embedded cloud plays.
        account_id: the first account.
        serves: says whether a host name is Resource Manager's.
    """

    def actions_of(account_id: str) -> Mapping[str, rpc.Action]:
        known = routes(groups.of(account_id), authorizer, region=region, account_id=account_id)
        return {name: blocking_action(handler, read, ResourceManagerError) for name, (handler, read) in known.items()}

    actions = rpc.by_account(actions_of, account_id)
    return rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
