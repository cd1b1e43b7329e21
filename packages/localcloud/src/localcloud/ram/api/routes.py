"""The actions of the RAM API, each with the parameters that it reads.

Each action checks that the caller may do it, on the resource that RAM documents for it.
Sources: RAM API reference 2015-05-01; the models of alibabacloud_ram20150501.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.parameters import Answer, blocking_action
from localcloud.kernel.signatures import Authenticator
from localcloud.ram.api.attachments import AttachmentCalls
from localcloud.ram.api.policies import PolicyCalls
from localcloud.ram.api.roles import RoleCalls
from localcloud.ram.errors import RamError
from localcloud.ram.operations.service import RamService

VERSION = "2015-05-01"
Route = tuple[Callable[[rpc.Call], Answer], Sequence[str]]  # what runs, and the parameters that it reads


def routes(ram: RamService) -> dict[str, Route]:
    """Return what runs for each action."""
    roles, policies, attachments = RoleCalls(ram), PolicyCalls(ram), AttachmentCalls(ram)
    policy = ("PolicyName", "PolicyType")
    attachment = ("RoleName", *policy)
    return {
        "CreateRole": (
            roles.create,
            ("RoleName", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration"),
        ),
        "GetRole": (roles.get, ("RoleName",)),
        "ListRoles": (roles.list, ("Marker", "MaxItems")),
        "UpdateRole": (
            roles.update,
            ("RoleName", "NewAssumeRolePolicyDocument", "NewDescription", "NewMaxSessionDuration"),
        ),
        "DeleteRole": (roles.delete, ("RoleName",)),
        "CreatePolicy": (policies.create, ("PolicyName", "PolicyDocument", "Description")),
        "GetPolicy": (policies.get, policy),
        "ListPolicies": (policies.list, ("PolicyType", "Marker", "MaxItems")),
        "DeletePolicy": (policies.delete, ("PolicyName",)),
        "CreatePolicyVersion": (
            policies.create_version,
            ("PolicyName", "PolicyDocument", "SetAsDefault", "RotateStrategy"),
        ),
        "GetPolicyVersion": (policies.get_version, (*policy, "VersionId")),
        "ListPolicyVersions": (policies.list_versions, policy),
        "DeletePolicyVersion": (policies.delete_version, ("PolicyName", "VersionId")),
        "AttachPolicyToRole": (attachments.attach, attachment),
        "DetachPolicyFromRole": (attachments.detach, attachment),
        "ListPoliciesForRole": (attachments.list_policies, ("RoleName",)),
        "ListEntitiesForPolicy": (attachments.list_entities, policy),
    }


def create_app(ram: RamService, authenticator: Authenticator, *, serves: Callable[[str], bool]) -> web.Application:
    """Return the application that serves the RAM API."""
    actions = {
        name: blocking_action(handler, parameters, RamError) for name, (handler, parameters) in routes(ram).items()
    }
    return rpc.create_app(version=VERSION, actions=actions, authenticator=authenticator, serves=serves)
