"""Drift: what somebody else changed in a stack's resources, as the official Python SDK sees it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ros20190910 import models

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Exception, match="code: 4") as error:
        call(*args)
    return str(error.value.code)  # type: ignore[attr-defined]


def test_what_was_changed_or_deleted_beside_the_stack_is_found(ros: Any, ram: Any, cloud: Any, allowed: Any) -> None:
    name = "drift-" + uuid.uuid4().hex[:12]
    bucket = {
        "BucketName": name,
        "AccessControl": "private",
        "Tags": {"team": "a"},
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    resources = {
        "Bucket": {"Type": "ALIYUN::OSS::Bucket", "Properties": bucket},
        "Role": {"Type": "ALIYUN::RAM::Role", "Properties": {"RoleName": name, "AssumeRolePolicyDocument": TRUST}},
        "Nap": {"Type": "ALIYUN::ROS::Sleep"},
    }
    stack = ros.deployed({"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources})
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    of = {"region_id": ros.region, "stack_id": stack.stack_id}

    def detected(client: Any = ros.client) -> tuple[str, int]:
        made = client.detect_stack_drift(models.DetectStackDriftRequest(**of)).body.drift_detection_id
        request = models.GetStackDriftDetectionStatusRequest(region_id=ros.region, drift_detection_id=made)
        said = ros.client.get_stack_drift_detection_status(request).body
        assert said.drift_detection_status == "DETECTION_COMPLETE"
        return said.stack_drift_status, said.drifted_stack_resource_count

    assert ros.stack(stack.stack_id).stack_drift_status == "NOT_CHECKED"
    assert detected() == ("IN_SYNC", 0)
    assert code(detected, allowed("ros:*", "oss:*").client) == "Forbidden.RAM"
    cloud.bucket(name).put_bucket_acl("public-read")
    ram.delete_role(ram_models.DeleteRoleRequest(role_name=name))
    assert detected() == ("DRIFTED", 2)
    assert ros.stack(stack.stack_id).stack_drift_status == "DRIFTED"
    listed = ros.client.list_stack_resource_drifts(models.ListStackResourceDriftsRequest(**of)).body.resource_drifts
    found = {each.logical_resource_id: each for each in listed}
    assert {name: each.resource_drift_status for name, each in found.items()} == {
        "Bucket": "MODIFIED",
        "Role": "DELETED",
    }
    (difference,) = found["Bucket"].property_differences
    assert (difference.property_path, difference.difference_type) == ("/AccessControl", "NOT_EQUAL")
    assert (difference.expected_value, difference.actual_value) == ("private", "public-read")
    assert json.loads(found["Bucket"].actual_properties)["Tags"] == {"team": "a"}
    assert ros.resources(stack.stack_id)["Bucket"].resource_drift_status == "MODIFIED"
    cloud.bucket(name).put_bucket_acl("private")
    one = models.DetectStackResourceDriftRequest(**of, logical_resource_id="Bucket")
    assert ros.client.detect_stack_resource_drift(one).body.resource_drift_status == "IN_SYNC"
    one.logical_resource_id = "Nap"
    assert code(ros.client.detect_stack_resource_drift, one) == "NotSupported"
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
