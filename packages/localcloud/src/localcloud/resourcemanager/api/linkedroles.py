"""The actions on service-linked roles. Their rights are RAM's.

CheckServiceLinkedRoleExistence is published by what asks for it alone: Serverless Devs, before it deploys a function.
"""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.resourcemanager.api.calls import gate_of, reader
from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.operations.linkedroles import LinkedRoles


class LinkedRoleCalls:
    """The actions on service-linked roles.

    Args:
        roles: the domain.
        authorizer: says what callers may.
        account_id: the account.
    """

    def __init__(self, roles: LinkedRoles, authorizer: Authorizer, *, account_id: str) -> None:
        self._roles = roles
        self._gate = gate_of(authorizer)
        self._account_id = account_id

    def check(self, call: Call) -> Answer:
        """CheckServiceLinkedRoleExistence."""
        return {"Exists": self._roles.exists(self._service(call))}

    def create(self, call: Call) -> Answer:
        """CreateServiceLinkedRole."""
        service = self._service(call)
        if call.parameters.get("CustomSuffix"):
            raise ResourceManagerError(
                "InvalidParameter.CustomSuffix.NotAllowed", "Custom suffix is not allowed for this service-linked role."
            )
        role = self._roles.create(service)
        return {
            "Role": {
                "RoleName": role.name,
                "RoleId": role.role_id,
                "RolePrincipalName": f"{role.name}@role.{self._account_id}.onaliyunservice.com",
                "Arn": self._roles.arn(role),
                "Description": role.description,
                "AssumeRolePolicyDocument": role.trust_policy,
                "CreateDate": to_seconds(role.created),
                "IsServiceLinkedRole": True,
            }
        }

    def _service(self, call: Call) -> str:
        """Return the service that a call names; its caller may do the call's action.

        Raises:
            ResourceManagerError: MissingParameter, NoPermission.
        """
        service = reader.required(call, "ServiceName")
        resource = f"acs:ram:*:{self._account_id}:role/*"
        self._gate.require(call.caller, f"ram:{call.action}", resource, {"ram:ServiceName": service})
        return service
