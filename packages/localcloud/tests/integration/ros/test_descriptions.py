"""Resource types, summaries of templates, and templates that ROS keeps, as the official Python SDK sees them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import oss2
import pytest
from alibabacloud_ros20190910 import models

DOCUMENT = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Description": "buckets",
    "Metadata": {"ALIYUN::ROS::Interface": {"Order": ["Name"]}},
    "Parameters": {
        "Name": {"Type": "String", "Label": "The name"},
        "Access": {"Type": "String", "Default": "private", "AllowedValues": ["private", "public-read"]},
        "Secret": {"Type": "String", "NoEcho": True, "Default": "x"},
    },
    "Resources": {
        "Bucket": {
            "Type": "ALIYUN::OSS::Bucket",
            "Count": 2,
            "Properties": {
                "BucketName": {"Fn::Sub": "${Name}-${ALIYUN::Index}"},
                "AccessControl": {"Ref": "Access"},
                "StorageClass": "IA",
            },
        }
    },
    "Outputs": {"Names": {"Value": {"Ref": "Bucket"}, "Description": "all", "Label": "Names"}},
}
TEXT = json.dumps(DOCUMENT)


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Exception, match="code: 4") as error:
        call(*args)
    return str(error.value.code)  # type: ignore[attr-defined]


def test_the_types_that_are_served_are_listed_and_described(ros: Any) -> None:
    listed = ros.client.list_resource_types(models.ListResourceTypesRequest()).body.resource_types
    assert "ALIYUN::OSS::Bucket" in listed
    assert listed == sorted(listed)
    assert "ALIYUN::ECS::Instance" not in listed
    some = models.ListResourceTypesRequest(resource_type="ALIYUN::FC3::*")
    found = ros.client.list_resource_types(some).body.resource_types
    assert found
    assert all(each.startswith("ALIYUN::FC3::") for each in found)
    sources = models.ListResourceTypesRequest(entity_type="DataSource")
    found = ros.client.list_resource_types(sources).body.resource_types
    assert "DATASOURCE::OSS::Buckets" in found
    assert not {*found} & {*listed}
    described = ros.client.get_resource_type(models.GetResourceTypeRequest(resource_type="ALIYUN::OSS::Bucket")).body
    assert described.properties["BucketName"] | {"Description": ""} == {
        "Type": "string",
        "Required": True,
        "UpdateAllowed": False,
        "Immutable": False,
        "Description": "",
        "Constraints": [{"Length": {"Min": 3, "Max": 63}}],
    }
    assert described.properties["EnableOssHdfsService"]["Description"] == "not implemented"
    assert described.attributes.keys() >= {"Name", "DomainName"}
    absent = models.GetResourceTypeRequest(resource_type="ALIYUN::ECS::Instance")
    assert code(ros.client.get_resource_type, absent) == "ResourceTypeNotFound"


def test_the_example_of_each_type_is_a_valid_template(ros: Any) -> None:
    every = models.ListResourceTypesRequest(entity_type="All")
    for name in ros.client.list_resource_types(every).body.resource_types:
        request = models.GetResourceTypeTemplateRequest(resource_type=name)
        body = ros.client.get_resource_type_template(request).body
        assert json.loads(body.template_content) == body.template_body
        ros.client.validate_template(models.ValidateTemplateRequest(template_body=body.template_content))


def test_a_data_source_tells_what_there_is_when_it_is_created_and_refreshed(ros: Any, bucket: Any) -> None:
    name = "data-" + uuid.uuid4().hex[:12]
    template: dict[str, Any] = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {
            "One": {"Type": "DATASOURCE::OSS::Bucket", "Properties": {"BucketName": bucket.bucket_name}},
            "All": {"Type": "DATASOURCE::OSS::Buckets", "Properties": {"RefreshOptions": "Always"}},
            "Once": {"Type": "DATASOURCE::OSS::Buckets"},
        },
        "Outputs": {
            "Endpoint": {"Value": {"Fn::GetAtt": ["One", "IntranetEndpoint"]}},
            "All": {"Value": {"Fn::GetAtt": ["All", "BucketNames"]}},
            "Once": {"Value": {"Fn::GetAtt": ["Once", "BucketNames"]}},
        },
    }
    stack = ros.deployed(template)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}
    assert outputs["Endpoint"] == f"oss-{ros.region}-internal.aliyuncs.com"
    assert bucket.bucket_name in outputs["All"]
    template["Resources"]["Made"] = {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": name}}
    template["Resources"]["All"]["DependsOn"] = "Made"
    ros.update(stack.stack_id, template)
    updated = ros.settled(stack.stack_id)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in updated.outputs}
    assert name in outputs["All"]
    assert name not in outputs["Once"]
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
    bucket.get_bucket_info()  # it was only looked at


def test_a_template_is_summarized_wherever_it_lies(ros: Any, bucket: Any) -> None:
    bucket.put_object("templates/demo.json", TEXT)
    url = f"oss://{bucket.bucket_name}/templates/demo.json"
    for given in ({"template_body": TEXT}, {"template_url": url}, {"template_url": f"{url}?RegionId={ros.region}"}):
        body = ros.client.get_template_summary(models.GetTemplateSummaryRequest(region_id=ros.region, **given)).body
        assert (body.description, body.version) == ("buckets", "2015-09-01")
        assert body.metadata == DOCUMENT["Metadata"]
        assert body.resource_types == ["ALIYUN::OSS::Bucket"]
        name, _, secret = body.parameters
        assert name == {
            "ParameterKey": "Name",
            "Type": "String",
            "Description": "",
            "Label": "The name",
            "NoEcho": "false",
        }
        assert secret["NoEcho"] == "true"
    signed = bucket.sign_url("GET", "templates/demo.json", 60)
    request = models.ValidateTemplateRequest(region_id=ros.region, template_url=signed)
    (resource,) = ros.client.validate_template(request).body.resources
    assert (resource.resource_path, resource.logical_resource_id_pattern) == ("Bucket", "Bucket[*]")


@pytest.mark.parametrize(
    "url",
    [
        "oss://no-such-bucket-{}/key",
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/x",
        "ftp://127.0.0.1/x",
        "x://[",
    ],
)
def test_a_template_that_cannot_be_read_is_refused(ros: Any, url: str) -> None:
    request = models.ValidateTemplateRequest(template_url=url.format(uuid.uuid4().hex[:12]))
    assert code(ros.client.validate_template, request) == "InvalidTemplateURL"


def test_a_template_in_a_bucket_is_read_with_the_rights_of_the_caller(ros: Any, bucket: Any, allowed: Any) -> None:
    bucket.put_object("secret.json", TEXT)
    request = models.ValidateTemplateRequest(template_url=f"oss://{bucket.bucket_name}/secret.json")
    assert code(allowed("ros:*").client.validate_template, request) == "Forbidden.RAM"
    allowed("ros:*", "oss:GetObject").client.validate_template(request)


def test_a_template_lies_in_the_region_that_its_url_names(cloud: Any, ros: Any) -> None:
    name = "far-" + uuid.uuid4().hex[:12]
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    far = oss2.Bucket(auth, cloud.endpoints["oss"], name, region="cn-shanghai")
    far.create_bucket()
    far.put_object("demo.json", TEXT)
    url = f"oss://{name}/demo.json"
    request = models.ValidateTemplateRequest(region_id=ros.region, template_url=f"{url}?RegionId=cn-shanghai")
    assert ros.client.validate_template(request).status_code == 200
    request.template_url = url
    with pytest.raises(Exception, match="must be addressed using the specified endpoint"):
        ros.client.validate_template(request)


def test_parameters_are_told_the_values_of_the_properties_that_they_are_given_to(ros: Any) -> None:
    request = models.GetTemplateParameterConstraintsRequest(region_id=ros.region, template_body=TEXT)
    found = {
        each.parameter_key: each
        for each in ros.client.get_template_parameter_constraints(request).body.parameter_constraints
    }
    assert found["Name"].behavior == "NoLimit"
    assert found["Access"].allowed_values == ["private", "public-read"]
    assert found["Access"].illegal_value_by_parameter_constraints == ["public-read-write"]
    (original,) = found["Access"].original_constraints
    assert (original.resource_name, original.property_name) == ("Bucket", "AccessControl")
    request.parameters_key_filter = ["Name"]
    (only,) = ros.client.get_template_parameter_constraints(request).body.parameter_constraints
    assert only.parameter_key == "Name"


def test_a_template_that_is_kept_has_versions_and_makes_stacks(ros: Any) -> None:
    client, name = ros.client, "kept-" + uuid.uuid4().hex[:8]
    tags = [models.CreateTemplateRequestTags(key="team", value="a")]
    request = models.CreateTemplateRequest(template_name=name, template_body=TEXT, description="one", tags=tags)
    template_id = client.create_template(request).body.template_id
    assert code(client.create_template, request) == "TemplateExists"
    broken = models.UpdateTemplateRequest(template_id=template_id, template_body="{}")
    assert code(client.update_template, broken) == "InvalidTemplateVersion"
    second = json.dumps({**DOCUMENT, "Description": "second"})
    client.update_template(models.UpdateTemplateRequest(template_id=template_id, template_body=second))
    client.update_template(models.UpdateTemplateRequest(template_id=template_id, description="two"))
    latest = client.get_template(models.GetTemplateRequest(template_id=template_id, include_tags="Enabled")).body
    assert (latest.template_version, latest.description, latest.template_body) == ("v2", "two", second)
    assert latest.template_arn.endswith(f":template/{template_id}")
    assert [(each.key, each.value) for each in latest.tags] == [("team", "a")]
    versions = client.list_template_versions(models.ListTemplateVersionsRequest(template_id=template_id)).body.versions
    assert [each.template_version for each in versions] == ["v2", "v1"]
    (listed,) = client.list_templates(models.ListTemplatesRequest(template_name=name)).body.templates
    assert (listed.template_id, listed.template_version) == (template_id, "v2")
    parameters = [models.CreateStackRequestParameters(parameter_key="Name", parameter_value=name)]
    made = models.CreateStackRequest(
        region_id=ros.region, stack_name=name, template_id=template_id, template_version="v1", parameters=parameters
    )
    stack = ros.settled(client.create_stack(made).body.stack_id)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert stack.outputs == [{"OutputKey": "Names", "OutputValue": [f"{name}-0", f"{name}-1"], "Description": "all"}]
    assert sorted(ros.resources(stack.stack_id)) == ["Bucket[0]", "Bucket[1]"]
    client.delete_template(models.DeleteTemplateRequest(template_id=template_id))
    assert code(client.get_template, models.GetTemplateRequest(template_id=template_id)) == "TemplateNotFound"
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
