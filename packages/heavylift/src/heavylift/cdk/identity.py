"""Roles, each with the least policy that works."""

from __future__ import annotations

from collections.abc import Sequence

from ros_cdk_core import Construct
from ros_cdk_ram import Role, RoleProps, RosRole

from heavylift.cdk.names import account, function_resource, region, role_name

FUNCTION_COMPUTE, OBJECT_STORAGE = "fc.aliyuncs.com", "oss.aliyuncs.com"  # who may assume a role


class LeastRole(Role):
    """A role with one policy, which allows the actions that were asked for and nothing else.

    Args:
        scope: where the role is made.
        id_: its logical id.
        owner: the function or stack that it is named after.
        purpose: what it is for, part of its name.
        description: of it.
        service: who may assume it.
    """

    def __init__(self, scope: Construct, id_: str, *, owner: str, purpose: str, description: str, service: str) -> None:
        self._name = role_name(owner, purpose)
        self._statements: list[RosRole.PolicyDocumentStatementProperty] = []
        trust = RosRole.StatementProperty(
            action="sts:AssumeRole", effect="Allow", principal=RosRole.PrincipalProperty(service=[service])
        )
        props = RoleProps(
            role_name=self._name,
            description=description,
            assume_role_policy_document=RosRole.AssumeRolePolicyDocumentProperty(version="1", statement=[trust]),
            deletion_force=True,
        )
        super().__init__(scope, id_, props)

    def allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Add a statement that allows actions on resources."""
        statement = RosRole.PolicyDocumentStatementProperty(
            effect="Allow", action=list(actions), resource=list(resources)
        )
        self._statements.append(statement)
        document = RosRole.PolicyDocumentProperty(version="1", statement=self._statements)
        resource = self.node.find_child(self.node.id)
        assert isinstance(resource, RosRole)
        resource.policies = [RosRole.PoliciesProperty(policy_name=self._name, policy_document=document)]


def objects(bucket: str, prefixes: Sequence[str]) -> list[str]:
    """Return the ARNs of a bucket's objects whose keys begin with one of the prefixes."""
    return [f"acs:oss:*:*:{bucket}/{prefix}*" for prefix in dict.fromkeys(prefixes)]


def logstore_resource(project: str, logstore: str) -> str:
    """Return the ARN of a log store."""
    return f"acs:log:{region()}:{account()}:project/{project}/logstore/{logstore}"


def versions_resources(function: str, generation: str) -> list[str]:
    """Return the ARNs of a function in any version ("Configure an OSS trigger", Function Compute)."""
    resource = function_resource(function, generation)
    versions = resource.replace("/functions/", ".*/functions/") if generation == "2.0" else f"{resource}/*"
    return [resource, versions]
