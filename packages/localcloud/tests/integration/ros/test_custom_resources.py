"""Custom resources run for real: the vendor's own handler, unmodified, and handlers that fail in every way."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import uuid
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NAME = {"Fn::Join": ["-", ["ros-cdk", {"Fn::Select": [0, {"Fn::Split": ["-", {"Ref": "ALIYUN::StackId"}]}]}]]}


def stack_template(
    code: dict[str, str], parameters: dict[str, Any], *, timeout: int = 30, function_timeout: int = 60
) -> dict[str, Any]:
    """Return the template that ros-cdk-ossdeployment makes: a role, a service, a function and a custom resource."""
    trust = {
        "Version": "1",
        "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
    }
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {
            "Role": {
                "Type": "ALIYUN::RAM::Role",
                "Properties": {
                    "RoleName": NAME,
                    "AssumeRolePolicyDocument": trust,
                    "PolicyAttachments": {"System": ["AliyunOSSFullAccess", "AliyunLogFullAccess"]},
                },
            },
            "Service": {
                "Type": "ALIYUN::FC::Service",
                "Properties": {"ServiceName": NAME, "DeletionForce": False, "Role": {"Fn::GetAtt": ["Role", "Arn"]}},
            },
            "Function": {
                "Type": "ALIYUN::FC::Function",
                "Properties": {
                    "FunctionName": NAME,
                    "ServiceName": {"Fn::GetAtt": ["Service", "ServiceName"]},
                    "Handler": "index.handler",
                    "Runtime": "python3.10",
                    "CAPort": 9000,
                    "MemorySize": 128,
                    "Timeout": function_timeout,
                    "Code": code,
                },
            },
            "Custom": {
                "Type": "ALIYUN::ROS::CustomResource",
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Function", "ARN"]},
                    "Timeout": timeout,
                    "Parameters": parameters,
                },
            },
        },
        "Outputs": {"Answer": {"Value": {"Ref": "Custom"}}},
    }


def vendor_code() -> bytes:
    """Return the code package of the vendor's handler, as ros-cdk-ossdeployment ships it."""
    spec = find_spec("ros_cdk_ossdeployment")
    assert spec is not None
    assert spec.origin is not None
    (archive,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as package:
        member = package.extractfile("package/lib/codes/code.zip")
        assert member is not None
        return member.read()


def own_code(source: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr("index.py", source)
    return content.getvalue()


def put_code(bucket: Any, content: bytes) -> dict[str, str]:
    key = f"code-{uuid.uuid4().hex[:8]}.zip"
    bucket.put_object(key, content)
    return {"OssBucketName": bucket.bucket_name, "OssObjectName": key}


def test_the_vendors_handler_runs_unmodified_on_the_names_of_the_real_cloud(
    start_cloud: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
) -> None:
    # The handler counts on the oss2 that the runtime has built in.
    cloud = start_cloud(tmp_path / "cloud", "--fc-python", sys.executable)
    ros, bucket = connect(cloud), cloud.bucket("assets-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    target = cloud.bucket("target-" + uuid.uuid4().hex[:12])
    target.create_bucket()
    bucket.put_object("source.zip", b"archive")
    sources = [{"bucket": bucket.bucket_name, "objectKey": "source.zip", "fileName": "applib/one.zip"}]
    parameters = {"sources": sources, "destinationBucket": target.bucket_name, "retainOnCreate": True}
    stack = ros.deployed(stack_template(put_code(bucket, vendor_code()), parameters))
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert target.get_object("applib/one.zip").read() == b"archive"
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
    assert not target.object_exists("applib/one.zip")


REPORT = """
import json, urllib.request

def report(event, **answer):
    event = json.loads(event)
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "mine", "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"], **answer}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(),
                                     {"Content-type": "application/json"}, method="POST")
    with urllib.request.urlopen(request) as response:
        return response.status
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return report(event, Status='FAILED', Reason='the disk is on fire')", "the disk is on fire"),
        ("raise ValueError('no idea')", "no idea"),
        ("import os; os._exit(3)", "Process exited unexpectedly"),
        ("return b'done, I think'", "no answer came to ResponseURL within 3 seconds"),
        ("return report(event, Data={'x': 'y' * 5000})", "413"),
        ("return report(event, RequestId='another')", "RequestId"),
    ],
)
def test_a_handler_that_fails_takes_the_stack_back(ros: Any, bucket: Any, body: str, words: str) -> None:
    code = put_code(bucket, own_code(f"{REPORT}\ndef handler(event, context):\n    {body}\n"))
    stack = ros.deployed(stack_template(code, {}, timeout=3))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert words in stack.status_reason
    assert ros.resources(stack.stack_id) == {}


def test_what_a_handler_answers_is_referenced(ros: Any, bucket: Any) -> None:
    source = f"{REPORT}\ndef handler(event, context):\n    return report(event, Data={{'Colour': 'blue'}})\n"
    document = stack_template(put_code(bucket, own_code(source)), {})
    document["Outputs"]["Colour"] = {"Value": {"Fn::GetAtt": ["Custom", "Colour"]}}
    stack = ros.deployed(document)
    assert stack.status == "CREATE_COMPLETE", stack.status_reason
    assert {each["OutputKey"]: each["OutputValue"] for each in stack.outputs} == {"Answer": "mine", "Colour": "blue"}
    ros.delete(stack.stack_id)


def test_an_update_tells_the_handler_what_was_before(ros: Any, bucket: Any) -> None:
    source = f"""{REPORT}
def handler(event, context):
    old = json.loads(event).get("OldResourceProperties", {{}}).get("Size", "nothing")
    return report(event, Data={{"Before": old}})
"""
    document = stack_template(put_code(bucket, own_code(source)), {"Size": "1"})
    document["Outputs"]["Before"] = {"Value": {"Fn::GetAtt": ["Custom", "Before"]}}
    stack = ros.deployed(document)
    changed = json.loads(json.dumps(document))
    changed["Resources"]["Custom"]["Properties"]["Parameters"] = {"Size": "2"}
    ros.update(stack.stack_id, changed)
    stack = ros.settled(stack.stack_id)
    assert stack.status == "UPDATE_COMPLETE", stack.status_reason
    assert {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}["Before"] == "1"
    ros.delete(stack.stack_id)


def test_two_deployments_in_one_stack_collide_and_the_reason_names_what_is_taken(ros: Any, bucket: Any) -> None:
    # ros-cdk-ossdeployment names service and function of every deployment of a stack alike.
    source = f"{REPORT}\ndef handler(event, context):\n    return report(event)\n"
    document = stack_template(put_code(bucket, own_code(source)), {})
    second = json.loads(json.dumps({name: each for name, each in document["Resources"].items() if name != "Role"}))
    for name, each in second.items():
        text = json.dumps(each)
        for other in second:
            text = text.replace(f'"{other}"', f'"{other}2"')
        document["Resources"][f"{name}2"] = json.loads(text)
    stack = ros.deployed(document)
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "ServiceAlreadyExists" in stack.status_reason
    assert ros.resources(stack.stack_id) == {}
