"""Service-linked roles: by them services of the cloud act for an account. RAM keeps them, as it keeps any role.

There is Function Compute's. It has no policies: what Function Compute does for itself here needs none.

Source: Resource Manager, "CreateServiceLinkedRole"; Function Compute, "Service-linked role of Function Compute".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from localcloud.ram.model import Role
from localcloud.resourcemanager.errors import ResourceManagerError

NAMES: Mapping[str, str] = {"fc.aliyuncs.com": "AliyunServiceRoleForFC"}  # by service


class AccountRoles(Protocol):
    """The roles of one account, in RAM."""

    def roles(self) -> list[Role]:
        """Return all roles."""

    def create_role(self, name: str, *, trust_policy: str, description: str) -> Role:
        """Make a role.

        Raises:
            ApiError: EntityAlreadyExists.Role.
        """

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role."""


class LinkedRoles:
    """The service-linked roles of one account.

    Args:
        kept: the account's roles.
    """

    def __init__(self, kept: AccountRoles) -> None:
        self._kept = kept

    def exists(self, service: str) -> bool:
        """Return True if there is the role of a service."""
        return NAMES.get(service) in {role.name for role in self._kept.roles()}

    def create(self, service: str) -> Role:
        """Make the role of a service.

        Raises:
            ResourceManagerError: InvalidParameter.ServiceName.
            ApiError: EntityAlreadyExists.Role.
        """
        if service not in NAMES:
            raise ResourceManagerError(
                "InvalidParameter.ServiceName",
                f"not implemented: the service-linked role of {service[:100]}; expected {', '.join(NAMES)}.",
            )
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": [service]}}
        return self._kept.create_role(
            NAMES[service],
            trust_policy=json.dumps({"Version": "1", "Statement": [trust]}),
            description=f"Service-linked role of {service}, which acts by it for the account.",
        )

    def arn(self, role: Role) -> str:
        """Return the ARN of a role."""
        return self._kept.role_arn(role.name)
