"""The system policies that the embedded cloud knows by name.

There are those of the services that are here, and those that templates and tests of the vendor's own tools attach.

Sources: RAM developer reference, one page for each policy; ECS, "System policies for ECS". Those marked "assumed" are shortened to
what the embedded cloud's services have, or are not documented in full.
"""

from __future__ import annotations

import json

from localcloud.ram.model import ManagedPolicy, PolicyVersion

_CREATED = 1_430_208_945.0  # 2015-04-28T08:15:45Z, the day of the first ones


def _policy(name: str, description: str, *actions: str, version: str = "v1", also: object = None) -> ManagedPolicy:
    statements: list[object] = [{"Action": list(actions), "Resource": "*", "Effect": "Allow"}]
    if also is not None:
        statements.append(also)
    document = json.dumps({"Version": "1", "Statement": statements})
    return ManagedPolicy(
        name=name,
        type="System",
        description=description,
        default_version=version,
        versions=(PolicyVersion(version_id=version, document=document, created=_CREATED),),
        created=_CREATED,
        updated=_CREATED,
    )


_PASS_ROLE_TO_FC = {
    "Action": "ram:PassRole",
    "Resource": "*",
    "Effect": "Allow",
    "Condition": {"StringEquals": {"acs:Service": "fc.aliyuncs.com"}},
}

_READ = ("*:Describe*", "*:List*", "*:Get*", "*:BatchGet*", "*:Query*", "*:BatchQuery*")
_NETWORKS = ("vpc:DescribeVpcs", "vpc:DescribeVSwitches")

SYSTEM_POLICIES = {
    policy.name: policy
    for policy in (
        _policy("AdministratorAccess", "Provides full access to Alibaba Cloud services and resources.", "*"),
        _policy(
            "ReadOnlyAccess", "Provides read-only access to Alibaba Cloud services and resources.", *_READ
        ),  # assumed
        _policy("AliyunOSSFullAccess", "Provides full access to Object Storage Service.", "oss:*"),
        _policy(
            "AliyunOSSReadOnlyAccess", "Provides read-only access to Object Storage Service.", "oss:Get*", "oss:List*"
        ),
        _policy("AliyunLogFullAccess", "Provides full access to Log Service.", "log:*"),
        _policy("AliyunLogReadOnlyAccess", "Provides read-only access to Log Service.", "log:Get*", "log:List*"),
        _policy(
            "AliyunFCFullAccess",
            "Provides full access to Function Compute.",
            "fc:*",
            version="v2",
            also=_PASS_ROLE_TO_FC,
        ),
        _policy("AliyunFCReadOnlyAccess", "Provides read-only access to Function Compute.", "fc:Get*", "fc:List*"),
        _policy("AliyunFCInvocationAccess", "Provides invocation access to Function Compute.", "fc:InvokeFunction"),
        _policy(  # assumed
            "AliyunFCDefaultRolePolicy",
            "The default role's access of Function Compute.",
            "fc:InvokeFunction",
            "log:CreateLogStore",
            "log:CreateProject",
            "log:GetLogStore",
            "log:GetProject",
            "log:PostLogStoreLogs",
            "vpc:DescribeVSwitchAttributes",
            "vpc:DescribeVpcAttribute",
        ),
        _policy(  # assumed
            "AliyunOSSEventNotificationRolePolicy", "What OSS needs to call function triggers.", "fc:InvokeFunction"
        ),
        _policy("AliyunRAMFullAccess", "Provides full access to Resource Access Management.", "ram:*"),
        _policy(
            "AliyunRAMReadOnlyAccess",
            "Provides read-only access to Resource Access Management.",
            "ram:Get*",
            "ram:List*",
            "ram:GenerateCredentialReport",
            "accessanalyzer:Get*",
            "accessanalyzer:List*",
            version="v3",
        ),
        _policy("AliyunSTSAssumeRoleAccess", "Lets its holder assume roles.", "sts:AssumeRole"),
        _policy("AliyunROSFullAccess", "Provides full access to Resource Orchestration Service.", "ros:*"),  # assumed
        _policy(  # assumed
            "AliyunROSReadOnlyAccess",
            "Provides read-only access to Resource Orchestration Service.",
            "ros:Describe*",
            "ros:Get*",
            "ros:List*",
        ),
        _policy("AliyunKMSFullAccess", "Provides full access to Key Management Service.", "kms:*"),  # assumed
        _policy(  # assumed
            "AliyunKMSReadOnlyAccess",
            "Provides read-only access to Key Management Service.",
            "kms:Describe*",
            "kms:Get*",
            "kms:List*",
        ),
        _policy("AliyunECSFullAccess", "Provides full access to Elastic Compute Service.", "ecs:*", *_NETWORKS),
        _policy(
            "AliyunECSReadOnlyAccess",
            "Provides read-only access to Elastic Compute Service.",
            "ecs:Describe*",
            "ecs:List*",
            *_NETWORKS,
        ),
        _policy("AliyunVPCFullAccess", "Provides full access to Virtual Private Cloud.", "vpc:*"),  # assumed
        _policy(  # assumed
            "AliyunVPCReadOnlyAccess",
            "Provides read-only access to Virtual Private Cloud.",
            "vpc:Describe*",
            "vpc:List*",
        ),
        _policy("AliyunNASFullAccess", "Provides full access to Apsara File Storage NAS.", "nas:*"),  # assumed
        _policy("AliyunMNSFullAccess", "Provides full access to Message Service.", "mns:*"),  # assumed
    )
}
