"""The roles of the stack, each with the least policy that works: what may be assumed by whom, to do what."""

from __future__ import annotations

from collections.abc import Sequence

from ros_cdk_core import Construct
from ros_cdk_ram import Role, RoleProps, RosRole

from heavylift.cdk.logs import LOGSTORE
from heavylift.cdk.names import account, function_resource, region, role_name
from heavylift.cdk.settings import Settings

FUNCTION_COMPUTE, OBJECT_STORAGE = "fc.aliyuncs.com", "oss.aliyuncs.com"  # who may assume a role
ARCHIVES = ("applib/", "model/")  # prefixes of the keys that the build gives to archives
Statement = RosRole.PolicyDocumentStatementProperty


def function_role(scope: Construct, *, settings: Settings, bucket: str, log_project: str | None) -> Role:
    """Return the role of the function: read its archives, read and write under its prefixes, log.

    Args:
        scope: where the role is made.
        settings: name the prefixes.
        bucket: the bucket's name.
        log_project: the name of the log project; None: it does not log.
    """
    statements = [allow(["oss:GetObject"], _objects(bucket, (*ARCHIVES, *settings.read_prefixes)))]
    if settings.write_prefixes:
        statements.append(allow(["oss:PutObject"], _objects(bucket, settings.write_prefixes)))
    if log_project is not None:
        resource = f"acs:log:{region()}:{account()}:project/{log_project}/logstore/{LOGSTORE}"
        statements.append(allow(["log:PostLogStoreLogs"], [resource]))
    return _role(scope, settings, "function", FUNCTION_COMPUTE, statements)


def deployment_role(scope: Construct, *, settings: Settings, bucket: str, source_bucket: str) -> Role:
    """Return the role of the deployment: read its sources; copy, check and remove archives, and find those of earlier ones.

    Args:
        scope: where the role is made.
        settings: of the stack.
        bucket: where the archives go.
        source_bucket: where they come from.
    """
    statements = [
        allow(["oss:GetObject"], _objects(source_bucket, ("",))),
        allow(
            ["oss:GetObject", "oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload"],
            _objects(bucket, ARCHIVES),
        ),
        allow(["oss:ListObjects"], [f"acs:oss:*:*:{bucket}"]),
    ]
    return _role(scope, settings, "deployment", FUNCTION_COMPUTE, statements)


def trigger_role(scope: Construct, *, settings: Settings) -> Role:
    """Return the role with which OSS invokes the function, in any version ("Configure an OSS trigger", Function Compute)."""
    function = function_resource(settings)
    versions = function.replace("/functions/", ".*/functions/") if settings.generation == "2.0" else f"{function}/*"
    statements = [allow(["fc:InvokeFunction"], [function, versions])]
    return _role(scope, settings, "trigger", OBJECT_STORAGE, statements)


def allow(actions: Sequence[str], resources: Sequence[str]) -> Statement:
    """Return a statement that allows actions on resources."""
    return Statement(effect="Allow", action=list(actions), resource=list(resources))


def _objects(bucket: str, prefixes: Sequence[str]) -> list[str]:
    return [f"acs:oss:*:*:{bucket}/{prefix}*" for prefix in dict.fromkeys(prefixes)]


def _role(scope: Construct, settings: Settings, purpose: str, service: str, statements: Sequence[Statement]) -> Role:
    name = role_name(settings, purpose)
    trust = RosRole.StatementProperty(
        action="sts:AssumeRole", effect="Allow", principal=RosRole.PrincipalProperty(service=[service])
    )
    policy = RosRole.PoliciesProperty(
        policy_name=name, policy_document=RosRole.PolicyDocumentProperty(version="1", statement=list(statements))
    )
    props = RoleProps(
        role_name=name,
        description=f"The {purpose} of the stack {settings.stack_name}",
        assume_role_policy_document=RosRole.AssumeRolePolicyDocumentProperty(version="1", statement=[trust]),
        policies=[policy],
        deletion_force=True,
    )
    return Role(scope, f"{purpose.capitalize()}Role", props)
