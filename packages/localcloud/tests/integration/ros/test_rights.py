"""The rights of a role through stacks: those that it has without them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient


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
    actions: tuple[str, ...], missing: str, cloud: Any, ram: RamClient, allowed: Callable[..., Any]
) -> None:
    name = "admin-" + uuid.uuid4().hex[:8]
    deployer = allowed(*actions)
    stack = deployer.deployed(administrator(name))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert f"do not allow {missing} on acs:ram::{cloud.account_id}:role/{name}" in stack.status_reason
    with pytest.raises(Exception, match=r"EntityNotExist\.Role"):
        ram.get_role(ram_models.GetRoleRequest(role_name=name))


def test_a_change_set_is_executed_with_the_rights_of_who_executes_it(
    ros: Any, ram: RamClient, allowed: Callable[..., Any]
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
    allowed("ros:*").client.execute_change_set(execute)
    stack = ros.settled(made.stack_id)
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "do not allow ram:CreateRole" in stack.status_reason


def test_who_may_not_delete_a_bucket_does_not_delete_it_with_a_stack(
    cloud: Any, ros: Any, allowed: Callable[..., Any]
) -> None:
    name = "photos-" + uuid.uuid4().hex[:8]
    bucket = {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": name, "DeletionForce": True}}
    stack = ros.deployed({"ROSTemplateFormatVersion": "2015-09-01", "Resources": {"Photos": bucket}})
    cloud.bucket(name).put_object("a", b"hello")
    stack = allowed("ros:*", "oss:DeleteBucket", "oss:ListObjects").delete(stack.stack_id)
    assert stack.status == "DELETE_FAILED"
    assert "do not allow oss:DeleteObject" in stack.status_reason
    assert cloud.bucket(name).get_object("a").read() == b"hello"
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
