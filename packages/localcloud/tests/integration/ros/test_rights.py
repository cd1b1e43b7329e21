"""What a role may do through stacks: what it may do without them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.utils_models import Config

from tests.support.paths import ROOT

DEPLOY = ROOT / "docs" / "deploy.md"


def config(cloud: Any, service: str) -> Config:
    return Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=urlsplit(cloud.endpoints[service]).netloc,
        region_id=cloud.region,
        protocol="http",
    )


@pytest.fixture
def ram(cloud: Any) -> RamClient:
    return RamClient(config(cloud, "ram"))


@pytest.fixture
def allowed(cloud: Any, ram: RamClient, connect: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    """Return a ROS client of a new role that has one policy."""

    def make(policy: dict[str, Any]) -> Any:
        name = "deployer-" + uuid.uuid4().hex[:8]
        trust = {
            "Version": "1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"RAM": [f"acs:ram::{cloud.account_id}:root"]},
                }
            ],
        }
        ram.create_role(ram_models.CreateRoleRequest(role_name=name, assume_role_policy_document=json.dumps(trust)))
        ram.create_policy(ram_models.CreatePolicyRequest(policy_name=name, policy_document=json.dumps(policy)))
        ram.attach_policy_to_role(
            ram_models.AttachPolicyToRoleRequest(policy_type="Custom", policy_name=name, role_name=name)
        )
        request = sts_models.AssumeRoleRequest(
            role_arn=f"acs:ram::{cloud.account_id}:role/{name}", role_session_name="tests"
        )
        keys = StsClient(config(cloud, "sts")).assume_role(request).body.credentials
        return connect(
            cloud,
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token,
        )

    return make


def policy(*actions: str) -> dict[str, Any]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def administrator(name: str) -> dict[str, Any]:
    trust = {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
    }
    properties = {
        "RoleName": name,
        "AssumeRolePolicyDocument": trust,
        "PolicyAttachments": {"System": ["AdministratorAccess"]},
    }
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {"Admin": {"Type": "ALIYUN::RAM::Role", "Properties": properties}},
    }


@pytest.mark.parametrize(
    ("actions", "missing"),
    [(("ros:*",), "ram:CreateRole"), (("ros:*", "ram:CreateRole"), "ram:AttachPolicyToRole")],
)
def test_who_may_not_make_an_administrator_makes_none_through_a_stack(
    actions: tuple[str, ...], missing: str, cloud: Any, ram: RamClient, allowed: Callable[[dict[str, Any]], Any]
) -> None:
    name = "admin-" + uuid.uuid4().hex[:8]
    deployer = allowed(policy(*actions))
    stack = deployer.deployed(administrator(name))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert f"do not allow {missing} on acs:ram::{cloud.account_id}:role/{name}" in stack.status_reason
    with pytest.raises(Exception, match=r"EntityNotExist\.Role"):
        ram.get_role(ram_models.GetRoleRequest(role_name=name))


def test_a_change_set_is_executed_with_the_rights_of_who_executes_it(
    ros: Any, ram: RamClient, allowed: Callable[[dict[str, Any]], Any]
) -> None:
    from alibabacloud_ros20190910 import models

    name = "admin-" + uuid.uuid4().hex[:8]
    request = models.CreateChangeSetRequest(
        region_id=ros.region,
        change_set_name="first",
        change_set_type="CREATE",
        stack_name=name,
        template_body=json.dumps(administrator(name)),
    )
    made = ros.client.create_change_set(request).body
    execute = models.ExecuteChangeSetRequest(region_id=ros.region, change_set_id=made.change_set_id)
    allowed(policy("ros:*")).client.execute_change_set(execute)
    stack = ros.settled(made.stack_id)
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "do not allow ram:CreateRole" in stack.status_reason


def test_who_may_not_delete_a_bucket_does_not_delete_it_with_a_stack(
    cloud: Any, ros: Any, allowed: Callable[[dict[str, Any]], Any]
) -> None:
    name = "photos-" + uuid.uuid4().hex[:8]
    bucket = {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": name, "DeletionForce": True}}
    stack = ros.deployed({"ROSTemplateFormatVersion": "2015-09-01", "Resources": {"Photos": bucket}})
    cloud.bucket(name).put_object("a", b"hello")
    stack = allowed(policy("ros:*", "oss:DeleteBucket", "oss:ListObjects")).delete(stack.stack_id)
    assert stack.status == "DELETE_FAILED"
    assert "do not allow oss:DeleteObject" in stack.status_reason
    assert cloud.bucket(name).get_object("a").read() == b"hello"
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
