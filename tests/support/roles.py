"""Roles and users of a running cloud, for tests of what their policies allow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from tests.support.cloud import Cloud
from tests.support.signers import Key, rpc
from tests.support.wire import send


def assume_role(cloud: Cloud, *statements: Mapping[str, Any]) -> Key:
    """Make a role that may do what the statements say, and return the key of a session of it."""
    name = f"r{uuid.uuid4().hex[:10]}"
    principal = {"RAM": f"acs:ram::{cloud.account_id}:root"}
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    role = _call(cloud, "ram", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    _call(cloud, "ram", "CreatePolicy", PolicyName=name, PolicyDocument=document(*statements))
    _call(cloud, "ram", "AttachPolicyToRole", RoleName=name, PolicyName=name, PolicyType="Custom")
    given = _call(cloud, "sts", "AssumeRole", RoleArn=role, RoleSessionName="tester")["Credentials"]
    return Key(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])


def make_function_role(cloud: Cloud, *statements: Mapping[str, Any]) -> str:
    """Return the ARN of a role that Function Compute takes, and that may do what the statements say."""
    return make_service_role(cloud, "fc", *statements)


def make_service_role(cloud: Cloud, service: str, *statements: Mapping[str, Any]) -> str:
    """Return the ARN of a role that a service of the cloud takes, and that may do what the statements say."""
    name = f"{service}{uuid.uuid4().hex[:10]}"
    principal = {"Service": [f"{service}.aliyuncs.com"]}
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    arn = _call(cloud, "ram", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    _call(cloud, "ram", "CreatePolicy", PolicyName=name, PolicyDocument=document(*statements))
    _call(cloud, "ram", "AttachPolicyToRole", RoleName=name, PolicyName=name, PolicyType="Custom")
    return str(arn)


def make_user(cloud: Cloud, *statements: Mapping[str, Any]) -> Key:
    """Make a RAM user that may do what the statements say, and return its access key."""
    name = f"u{uuid.uuid4().hex[:10]}"
    _call(cloud, "ram", "CreateUser", UserName=name)
    _call(cloud, "ram", "CreatePolicy", PolicyName=name, PolicyDocument=document(*statements))
    _call(cloud, "ram", "AttachPolicyToUser", UserName=name, PolicyName=name, PolicyType="Custom")
    given = _call(cloud, "ram", "CreateAccessKey", UserName=name)["AccessKey"]
    return Key(given["AccessKeyId"], given["AccessKeySecret"])


def document(*statements: Mapping[str, Any]) -> str:
    """Write a policy, or whom a role trusts."""
    return json.dumps({"Version": "1", "Statement": list(statements)})


def _call(cloud: Cloud, service: str, action: str, **parameters: str) -> Any:
    said = {"Action": action, "Version": {"ram": "2015-05-01", "sts": "2015-04-01"}[service], **parameters}
    reply = send(cloud.endpoints[service], rpc(cloud.key, said, host=cloud.host(service)))
    assert reply.status == 200, reply.text
    return json.loads(reply.body)
