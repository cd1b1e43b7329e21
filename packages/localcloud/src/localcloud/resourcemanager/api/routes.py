"""The actions of the Resource Manager API, each with the parameters that it reads.

Source: Resource Manager API reference 2020-03-31.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.parameters import Answer, blocking_action
from localcloud.kernel.rpc import Call
from localcloud.kernel.signatures import Authenticator
from localcloud.resourcemanager.api.groups import GroupCalls
from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.operations.service import ResourceManagerService

VERSION = "2020-03-31"


def create_app(
    groups: ResourceManagerService,
    authenticator: Authenticator,
    *,
    authorizer: Authorizer,
    region: str,
    account_id: str,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves the Resource Manager API."""
    calls = GroupCalls(groups, authorizer, region=region, account_id=account_id)
    group = "ResourceGroupId"
    routes: dict[str, tuple[Callable[[Call], Answer], tuple[str, ...]]] = {
        "CreateResourceGroup": (calls.create, ("Name", "DisplayName")),
        "GetResourceGroup": (calls.get, (group,)),
        "ListResourceGroups": (calls.list, (group, "Name", "DisplayName", "Status", "PageNumber", "PageSize")),
        "UpdateResourceGroup": (calls.update, (group, "NewDisplayName")),
        "DeleteResourceGroup": (calls.delete, (group,)),
    }
    actions = {name: blocking_action(handler, known, ResourceManagerError) for name, (handler, known) in routes.items()}
    return rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
