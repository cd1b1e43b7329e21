"""Nested stacks, signals, stack policies and the smaller operations on stacks, as the official Python SDK sees them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from alibabacloud_ros20190910 import models

from tests.support.waiting import wait_for


def template(resources: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    return {"ROSTemplateFormatVersion": "2015-09-01", "Resources": dict(resources), **sections}


def bucket(name: object, **more: Any) -> dict[str, Any]:
    return {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": name, **more}}


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Exception, match="code: 4") as error:
        call(*args)
    return str(error.value.code)  # type: ignore[attr-defined]


def named() -> str:
    return "stack-" + uuid.uuid4().hex[:16]


def signal(url: str, **record: Any) -> int:
    request = urllib.request.Request(url, json.dumps(record).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_nested_stack_is_listed_with_the_one_that_it_is_in(ros: Any, cloud: Any) -> None:
    name = named()
    inner = template(
        {"Bucket": bucket({"Ref": "Name"})},
        Parameters={"Name": {"Type": "String"}},
        Outputs={"Where": {"Value": {"Fn::GetAtt": ["Bucket", "DomainName"]}}},
    )
    nested = {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateBody": inner, "Parameters": {"Name": name}}}
    outputs = {"Where": {"Value": {"Fn::GetAtt": ["Nested", "Outputs.Where"]}}}
    stack = ros.deployed(template({"Nested": nested}, Outputs=outputs))
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert stack.outputs[0]["OutputValue"].startswith(f"{name}.oss-")
    child_id = ros.resources(stack.stack_id)["Nested"].physical_resource_id
    child = ros.stack(child_id)
    assert (child.parent_stack_id, child.root_stack_id) == (stack.stack_id, stack.stack_id)

    def listed(**given: Any) -> set[str]:
        request = models.ListStacksRequest(region_id=ros.region, page_size=50, **given)
        return {each.stack_id for each in ros.client.list_stacks(request).body.stacks}

    assert listed(parent_stack_id=stack.stack_id) == {child_id}
    assert child_id not in listed()
    assert child_id in listed(show_nested_stack=True)
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
    assert ros.stack(child_id).status == "DELETE_COMPLETE"


def test_a_wait_condition_is_signalled_at_its_url(ros: Any) -> None:
    condition = {"Handle": {"Ref": "Handle"}, "Timeout": 120}
    stack_id = ros.create(
        named(),
        template(
            {
                "Handle": {"Type": "ALIYUN::ROS::WaitConditionHandle"},
                "Wait": {"Type": "ALIYUN::ROS::WaitCondition", "Properties": condition},
            },
            Outputs={"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
        ),
    )
    wait_for(lambda: "Wait" in ros.resources(stack_id))
    request = models.GetStackResourceRequest(
        region_id=ros.region, stack_id=stack_id, logical_resource_id="Handle", show_resource_attributes=True
    )
    shown = ros.client.get_stack_resource(request).body.resource_attributes
    attributes = {each["ResourceAttributeKey"]: each["ResourceAttributeValue"] for each in shown}
    url = attributes["URL"]
    assert attributes["CurlCli"].startswith("curl -i -X POST -H ")
    assert url in attributes["CurlCli"]
    assert signal(url[:-3], status="SUCCESS") == 403
    assert signal(url, status="PERHAPS") == 400
    assert signal(url, status="SUCCESS", data="x" * 5000) == 413
    assert signal(url, status="SUCCESS", id="web", data="ready") == 200
    stack = ros.settled(stack_id)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert json.loads(stack.outputs[0]["OutputValue"]) == {"web": "ready"}
    ros.delete(stack_id)
    assert signal(url, status="SUCCESS") == 403


def test_a_stack_policy_and_protection_are_set_and_obeyed(ros: Any) -> None:
    name, region = named(), {"region_id": ros.region}
    stack = ros.deployed(template({"Bucket": bucket(name)}))
    of = {**region, "stack_id": stack.stack_id}
    policy = {"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    wrong = models.SetStackPolicyRequest(**of, stack_policy_body="{}")
    assert code(ros.client.set_stack_policy, wrong) == "StackValidationFailed"
    assert ros.client.get_stack_policy(models.GetStackPolicyRequest(**of)).body.stack_policy_body is None
    ros.client.set_stack_policy(models.SetStackPolicyRequest(**of, stack_policy_body=json.dumps(policy)))
    assert ros.client.get_stack_policy(models.GetStackPolicyRequest(**of)).body.stack_policy_body == policy
    ros.update(stack.stack_id, template({"Bucket": bucket(name, AccessControl="public-read")}))
    stack = ros.settled(stack.stack_id)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "Action denied by stack policy" in stack.status_reason
    with pytest.raises(Exception, match="there is Enabled, Disabled"):  # else it would count for nothing
        ros.update(stack.stack_id, template({"Bucket": bucket(name)}), replacement_option="enabled")
    with pytest.raises(Exception, match="there is Enabled, Disabled"):
        ros.create(named(), template({}), deletion_protection="true")
    protect = models.SetDeletionProtectionRequest(**of, deletion_protection="Enabled")
    ros.client.set_deletion_protection(protect)
    delete = models.DeleteStackRequest(**of)
    assert code(ros.client.delete_stack, delete) == "StackDeletionProtected"
    protect.deletion_protection = "Disabled"
    ros.client.set_deletion_protection(protect)
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"


def test_a_failed_creation_goes_on_and_an_update_is_cancelled(ros: Any, bucket: Any) -> None:
    name, of = named(), {"region_id": ros.region}
    document = template({"Taken": {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}})
    document["Parameters"] = {"Name": {"Type": "String", "Default": bucket.bucket_name}}
    stack = ros.deployed(document, disable_rollback=True)
    assert stack.status == "CREATE_FAILED"
    of["stack_id"] = stack.stack_id
    parameters = [models.ContinueCreateStackRequestParameters(parameter_key="Name", parameter_value=name)]
    ros.client.continue_create_stack(models.ContinueCreateStackRequest(**of, parameters=parameters))
    stack = ros.settled(stack.stack_id)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    cancel = models.CancelUpdateStackRequest(**of)
    assert code(ros.client.cancel_update_stack, cancel) == "NotSupported"
    document["Resources"]["Nap"] = {"Type": "ALIYUN::ROS::Sleep", "Properties": {"CreateDuration": 600}}
    ros.update(stack.stack_id, document, use_previous_parameters=True, disable_rollback=False)
    wait_for(lambda: "Nap" in ros.resources(stack.stack_id))
    ros.client.cancel_update_stack(cancel)
    stack = ros.settled(stack.stack_id)
    assert (stack.status, stack.status_reason) == ("ROLLBACK_COMPLETE", "Stack UPDATE was cancelled")
    ros.delete(stack.stack_id)


def test_stacks_are_tagged_and_moved_between_resource_groups(ros: Any) -> None:
    stack, region = ros.deployed(template({})), {"region_id": ros.region}
    of = {**region, "resource_type": "stack", "resource_id": [stack.stack_id]}
    tags = [models.TagResourcesRequestTag(key=key, value="x") for key in ("team", "cost")]
    ros.client.tag_resources(models.TagResourcesRequest(**of, tag=tags))
    listed = models.ListTagResourcesRequest(**of)
    found = {each.tag_key: each.tag_value for each in ros.client.list_tag_resources(listed).body.tag_resources}
    assert found == {"team": "x", "cost": "x"}
    ros.client.untag_resources(models.UntagResourcesRequest(**of, tag_key=["cost"]))
    assert [each.key for each in ros.stack(stack.stack_id).tags] == ["team"]
    ros.client.untag_resources(models.UntagResourcesRequest(**of, all=True))
    assert ros.stack(stack.stack_id).tags == []
    many = [models.TagResourcesRequestTag(key=f"k{number}", value="x") for number in range(21)]
    too_many = models.TagResourcesRequest(**of, tag=many)
    assert code(ros.client.tag_resources, too_many) == "InvalidParameter"
    for key in ("aliyun-team", "acs:team", "at-http://team", "k" * 129):
        odd = models.TagResourcesRequest(**of, tag=[models.TagResourcesRequestTag(key=key, value="x")])
        assert code(ros.client.tag_resources, odd) == "InvalidParameter"
    absent = models.TagResourcesRequest(**{**of, "resource_id": ["none"]}, tag=tags)
    assert code(ros.client.tag_resources, absent) == "StackNotFound"
    move = {"resource_type": "stack", "resource_id": stack.stack_id, "new_resource_group_id": "rg-team"}
    ros.client.move_resource_group(models.MoveResourceGroupRequest(**region, **move))
    in_group = models.ListStacksRequest(**region, resource_group_id="rg-team")
    assert [each.stack_id for each in ros.client.list_stacks(in_group).body.stacks] == [stack.stack_id]
    ros.delete(stack.stack_id)
