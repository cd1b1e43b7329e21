"""The system policies that the embedded cloud knows by name.

Sources: RAM developer reference, one page for each policy. Those marked "assumed" are shortened to what the embedded
cloud's services have, or are not documented in full.
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

SYSTEM_POLICIES = {
    policy.name: policy
    for policy in (
        _policy("AdministratorAccess", "Provides full access to Alibaba Cloud services and resources.", "*"),
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
        _policy(  # assumed
            "AliyunRAMReadOnlyAccess",
            "Provides read-only access to Resource Access Management.",
            "ram:Get*",
            "ram:List*",
        ),
        _policy("AliyunSTSAssumeRoleAccess", "Lets its holder assume roles.", "sts:AssumeRole"),
        _policy("AliyunROSFullAccess", "Provides full access to Resource Orchestration Service.", "ros:*"),  # assumed
    )
}
