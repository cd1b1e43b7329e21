"""The ROS API as the official Python SDK sees it."""

from __future__ import annotations

import base64
import json
import signal
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest
from alibabacloud_ros20190910 import models

from tests.support.waiting import wait_for


def bucket_name() -> str:
    return "stack-" + uuid.uuid4().hex[:16]


def template(buckets: Mapping[str, Mapping[str, Any]], **sections: Any) -> dict[str, Any]:
    resources = {}
    for name, properties in buckets.items():
        aside = {key: properties[key] for key in ("DependsOn", "DeletionPolicy") if key in properties}
        given = {key: value for key, value in properties.items() if key not in aside}
        resources[name] = {"Type": "ALIYUN::OSS::Bucket", "Properties": given, **aside}
    return {"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources, **sections}


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Return the code and the message with which the API refuses a call."""
    with pytest.raises(Exception, match="code: 4") as error:
        call()
    return error.value.code, error.value.message  # type: ignore[attr-defined]


def test_a_stack_with_parameters_and_outputs(ros: Any, cloud: Any) -> None:
    name = bucket_name()
    document = template(
        {"Bucket": {"BucketName": {"Ref": "Name"}}},
        Parameters={
            "Name": {"Type": "String", "AllowedPattern": "[a-z0-9-]+"},
            "Key": {"Type": "String", "NoEcho": True},
        },
        Outputs={
            "Where": {"Value": {"Fn::GetAtt": ["Bucket", "Name"]}, "Description": "the bucket"},
            "Login key": {"Value": {"Ref": "Key"}, "NoEcho": True},
        },
    )
    document["Resources"]["Bucket"] |= {"Description": "pictures", "Metadata": {"Owner": "me"}}
    given = {"Name": name, "Key": "secret"}
    stack = ros.deployed(
        document,
        parameters=[
            models.CreateStackRequestParameters(parameter_key=key, parameter_value=value)
            for key, value in given.items()
        ],
    )
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert stack.outputs == [
        {"OutputKey": "Where", "OutputValue": name, "Description": "the bucket"},
        {"OutputKey": "Login key", "OutputValue": "******", "Description": ""},
    ]
    request = models.GetStackResourceRequest(
        region_id=ros.region, stack_id=stack.stack_id, logical_resource_id="Bucket"
    )
    resource = ros.client.get_stack_resource(request).body
    assert (resource.description, resource.metadata) == ("pictures", {"Owner": "me"})
    shown = {each.parameter_key: each.parameter_value for each in stack.parameters}
    assert shown == {"Name": name, "Key": "******"}
    assert cloud.bucket(name).get_bucket_info().name == name
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        cloud.bucket(name).get_bucket_info()


def test_a_template_in_base64_and_get_template_returns_what_was_given(ros: Any) -> None:
    text = json.dumps(template({"Bucket": {"BucketName": bucket_name()}}), indent=1)
    stack_id = ros.create("b64-" + uuid.uuid4().hex[:8], "@Base64Encoded: " + base64.b64encode(text.encode()).decode())
    assert ros.settled(stack_id).status == "CREATE_COMPLETE"
    request = models.GetTemplateRequest(region_id=ros.region, stack_id=stack_id)
    assert ros.client.get_template(request).body.template_body == text
    ros.delete(stack_id)


def test_an_update_without_changes_is_refused_as_the_cli_expects(ros: Any) -> None:
    document = template({"Bucket": {"BucketName": bucket_name()}})
    stack = ros.deployed(document)
    code, message = refused(lambda: ros.update(stack.stack_id, document))
    assert code == "NotSupported"
    assert "Update the completely same stack" in message
    changed = template({"Bucket": {**document["Resources"]["Bucket"]["Properties"], "AccessControl": "public-read"}})
    ros.update(stack.stack_id, changed)
    after = ros.settled(stack.stack_id)
    assert after.status == "UPDATE_COMPLETE", after.status_reason
    assert after.update_time != stack.update_time
    ros.delete(stack.stack_id)


def test_a_taken_bucket_name_is_the_reason_and_the_bucket_stays(ros: Any, cloud: Any, bucket: Any) -> None:
    bucket.put_object("precious", b"1")
    stack = ros.deployed(template({"Bucket": {"BucketName": bucket.bucket_name, "DeletionForce": True}}))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "BucketAlreadyExists" in stack.status_reason
    assert bucket.get_object("precious").read() == b"1"


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"BucketNam": "x"}, "BucketNam"),
        ({}, "BucketName"),
        ({"BucketName": "UPPER"}, "InvalidBucketName"),
        ({"BucketName": "good-name", "AccessControl": "everyone"}, "AccessControl"),
    ],
)
def test_a_wrong_property_fails_the_resource_with_the_reason(ros: Any, properties: dict[str, str], words: str) -> None:
    stack = ros.deployed(template({"Bucket": properties}))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert words in stack.status_reason
    request = models.ListStackEventsRequest(region_id=ros.region, stack_id=stack.stack_id, status=["CREATE_FAILED"])
    (event,) = ros.client.list_stack_events(request).body.events
    assert event.logical_resource_id == "Bucket"
    assert words in event.status_reason


def test_templates_that_cannot_work_are_refused_at_once(ros: Any) -> None:
    cyclic = template({"A": {"BucketName": {"Ref": "B"}}, "B": {"BucketName": {"Ref": "A"}}})
    unknown = template({})
    unknown["Resources"] = {"Vm": {"Type": "ALIYUN::ECS::Instance", "Properties": {}}}
    code, message = refused(lambda: ros.create("cyclic", cyclic))
    assert code == "CircularDependency"
    assert "Circular Dependency Found: A -> B -> A" in message
    code, message = refused(lambda: ros.create("unknown", unknown))
    assert code == "StackValidationFailed"
    assert "not implemented: ALIYUN::ECS::Instance" in message


def test_unknown_stacks_and_taken_names_have_the_documented_codes(ros: Any) -> None:
    assert refused(lambda: ros.stack("no-such-stack"))[0] == "StackNotFound"
    name = "taken-" + uuid.uuid4().hex[:8]
    stack_id = ros.create(name, template({"Bucket": {"BucketName": bucket_name()}}))
    assert refused(lambda: ros.create(name, template({"Bucket": {"BucketName": bucket_name()}})))[0] == "StackExists"
    ros.settled(stack_id)
    ros.delete(stack_id)


def test_a_wrong_secret_and_an_unknown_key_are_refused(cloud: Any, connect: Callable[..., Any]) -> None:
    assert refused(lambda: connect(cloud, replace(cloud.key, secret="wrong")).stack("any"))[0] in {
        "SignatureDoesNotMatch",
        "IncompleteSignature",
    }
    assert refused(lambda: connect(cloud, replace(cloud.key, id="unknown")).stack("any"))[0].startswith(
        "InvalidAccessKeyId"
    )


def test_lists_are_paged_and_filtered(ros: Any) -> None:
    prefix = "paged-" + uuid.uuid4().hex[:6]
    names = [f"{prefix}-{number}" for number in range(3)]
    ids = [ros.create(name, template({"Bucket": {"BucketName": bucket_name()}})) for name in names]
    for stack_id in ids:
        ros.settled(stack_id)
    request = models.ListStacksRequest(region_id=ros.region, stack_name=names, page_size=2, page_number=2)
    body = ros.client.list_stacks(request).body
    assert (body.total_count, len(body.stacks)) == (3, 1)
    assert (
        refused(lambda: ros.client.list_stacks(models.ListStacksRequest(region_id=ros.region, page_size=101)))[0]
        == "InvalidParameter"
    )
    for stack_id in ids:
        ros.delete(stack_id)
    assert (
        ros.client.list_stacks(models.ListStacksRequest(region_id=ros.region, stack_name=names)).body.total_count == 0
    )


def test_a_bucket_inherits_the_tags_of_its_stack(ros: Any, cloud: Any) -> None:
    name = bucket_name()
    document = template({"Bucket": {"BucketName": name, "Tags": {"team": "red"}}})

    def tags() -> dict[str, str]:
        return dict(cloud.bucket(name).get_bucket_tagging().tag_set.tagging_rule)

    given = [
        models.CreateStackRequestTags(key=key, value=value) for key, value in (("team", "blue"), ("stage", "test"))
    ]
    stack = ros.deployed(document, tags=given)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert tags() == {"team": "red", "stage": "test"}
    ros.update(stack.stack_id, document, tags=[models.UpdateStackRequestTags(key="stage", value="live")])
    assert ros.settled(stack.stack_id).status == "UPDATE_COMPLETE"
    assert tags() == {"team": "red", "stage": "live"}
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"


def test_there_are_no_groups_of_stacks(ros: Any) -> None:
    request = models.ListStackGroupsRequest(region_id=ros.region, status="ACTIVE", page_size=50)
    listed = ros.client.list_stack_groups(request).body
    assert (listed.stack_groups, listed.total_count, listed.page_number, listed.page_size) == ([], 0, 1, 50)


def test_a_change_set_is_shown_and_executed(ros: Any, cloud: Any) -> None:
    first, second = bucket_name(), bucket_name()
    stack = ros.deployed(template({"First": {"BucketName": first}}))
    wanted = template(
        {"First": {"BucketName": first, "AccessControl": "public-read"}, "Second": {"BucketName": second}},
        Parameters={"Key": {"Type": "String", "NoEcho": True}},
    )
    made = ros.client.create_change_set(
        models.CreateChangeSetRequest(
            region_id=ros.region,
            stack_id=stack.stack_id,
            change_set_name="more",
            template_body=json.dumps(wanted),
            parameters=[models.CreateChangeSetRequestParameters(parameter_key="Key", parameter_value="secret")],
            tags=[models.CreateChangeSetRequestTags(key="team", value="blue")],
            description="a second bucket",
        )
    ).body
    shown = ros.client.get_change_set(
        models.GetChangeSetRequest(region_id=ros.region, change_set_id=made.change_set_id, show_template=True)
    ).body
    assert shown.description == "a second bucket"
    assert [(each.parameter_key, each.parameter_value) for each in shown.parameters] == [("Key", "******")]
    assert [(each.key, each.value) for each in shown.tags] == [("team", "blue")]
    assert json.loads(shown.template_body) == wanted
    assert [
        (each["ResourceChange"]["Action"], each["ResourceChange"]["LogicalResourceId"]) for each in shown.changes
    ] == [
        ("Modify", "First"),
        ("Add", "Second"),
    ]
    ros.client.execute_change_set(
        models.ExecuteChangeSetRequest(region_id=ros.region, change_set_id=made.change_set_id)
    )
    assert ros.settled(stack.stack_id).status == "UPDATE_COMPLETE"
    assert cloud.bucket(second).get_bucket_info().name == second
    ros.delete(stack.stack_id)


def test_a_change_set_without_a_template_has_that_of_its_stack(ros: Any) -> None:
    document = template(
        {"Bucket": {"BucketName": {"Ref": "Name"}}}, Parameters={"Name": {"Type": "String", "Default": bucket_name()}}
    )
    stack = ros.deployed(document)
    request = models.CreateChangeSetRequest(
        region_id=ros.region,
        stack_id=stack.stack_id,
        change_set_name="other-name",
        parameters=[models.CreateChangeSetRequestParameters(parameter_key="Name", parameter_value=bucket_name())],
    )
    change_set_id = ros.client.create_change_set(request).body.change_set_id
    request = models.GetTemplateRequest(region_id=ros.region, change_set_id=change_set_id)
    assert json.loads(ros.client.get_template(request).body.template_body) == document
    ros.delete(stack.stack_id)


def test_validate_and_preview_change_nothing(ros: Any) -> None:
    document = template({"Bucket": {"BucketName": {"Ref": "Name"}}}, Parameters={"Name": {"Type": "String"}})
    text = json.dumps(document)
    valid = ros.client.validate_template(models.ValidateTemplateRequest(region_id=ros.region, template_body=text)).body
    assert [each["ParameterKey"] for each in valid.parameters] == ["Name"]
    assert valid.resource_types.resources == ["ALIYUN::OSS::Bucket"]
    document["Resources"]["All"] = {"Type": "DATASOURCE::OSS::Buckets"}
    request = models.ValidateTemplateRequest(region_id=ros.region, template_body=json.dumps(document))
    valid = ros.client.validate_template(request).body
    assert valid.resource_types.resources == ["ALIYUN::OSS::Bucket"]
    assert valid.resource_types.data_sources == ["DATASOURCE::OSS::Buckets"]
    preview = ros.client.preview_stack(
        models.PreviewStackRequest(
            region_id=ros.region,
            stack_name="preview",
            template_body=text,
            parameters=[models.PreviewStackRequestParameters(parameter_key="Name", parameter_value="some-name")],
        )
    ).body
    shown = [(each.logical_resource_id, each.action, each.properties) for each in preview.stack.resources]
    assert shown == [("Bucket", "Add", {"BucketName": "some-name"})]
    request = models.ListStacksRequest(region_id=ros.region, stack_name=["preview"])
    assert ros.client.list_stacks(request).body.total_count == 0


def test_a_kill_in_the_middle_of_a_creation_leaves_nothing_behind(
    start_cloud: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
) -> None:
    cloud = start_cloud(tmp_path / "cloud")
    ros = connect(cloud)
    names = [bucket_name() for _ in range(40)]
    document = template(
        {
            f"B{number}": {"BucketName": name, **({"DependsOn": f"B{number - 1}"} if number else {})}
            for number, name in enumerate(names)
        }
    )
    stack_id = ros.create("killed", document)
    wait_for(lambda: len(ros.resources(stack_id)) >= 5)
    cloud.stop(signal.SIGKILL)
    cloud = start_cloud(tmp_path / "cloud")
    ros = connect(cloud)
    stack = ros.settled(stack_id)
    assert stack.status in {"CREATE_COMPLETE", "CREATE_ROLLBACK_COMPLETE"}, stack.status_reason
    assert ros.delete(stack_id).status == "DELETE_COMPLETE"
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        cloud.bucket(names[0]).get_bucket_info()
