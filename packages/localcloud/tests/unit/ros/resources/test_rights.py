"""The rights that types say they need, where no call of a service shows them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.resource_types import ACCOUNT, CONTEXT, ROLE_ARN, Cloud


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("SLS::Project", {"Name": "p"}, [("log:{}Project", "acs:log:cn-hangzhou:{}:project/p")]),
        (
            "SLS::Logstore",
            {"ProjectName": "p", "LogstoreName": "l"},
            [("log:{}LogStore", "acs:log:cn-hangzhou:{}:project/p/logstore/l")],
        ),
        (
            "SLS::Index",
            {"ProjectName": "p", "LogstoreName": "l"},
            [("log:{}Index", "acs:log:cn-hangzhou:{}:project/p/logstore/l")],
        ),
    ],
)
def test_logs_need_the_rights_of_the_log_service(
    cloud: Cloud, kind: str, properties: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    resource = cloud.types[f"ALIYUN::{kind}"]
    for verb, before, after in (
        ("Create", None, properties),
        ("Update", properties, properties),
        ("Delete", properties, None),
    ):
        rights = [(each.action, each.resource) for each in resource.rights(CONTEXT, before, after)]
        assert rights == [(action.format(verb), arn.format(ACCOUNT)) for action, arn in expected]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("FC::Service", {"ServiceName": "s", "Role": ROLE_ARN}),
        ("FC3::Function", {"FunctionName": "f", "Role": ROLE_ARN}),
        ("FC3::Trigger", {"FunctionName": "f", "TriggerName": "t", "InvocationRole": ROLE_ARN}),
    ],
)
def test_a_role_is_given_to_a_function_only_by_who_may_pass_it(
    cloud: Cloud, kind: str, properties: dict[str, Any]
) -> None:
    for before in (None, properties):
        rights = {
            each.action: (each.resource, each.conditions)
            for each in cloud.types[f"ALIYUN::{kind}"].rights(CONTEXT, before, properties)
        }
        assert rights["ram:PassRole"] == (ROLE_ARN, {"acs:Service": "fc.aliyuncs.com"})


def test_a_code_package_is_taken_only_for_who_may_read_it(cloud: Cloud) -> None:
    code = {"OssBucketName": "secret", "OssObjectName": "code.zip"}
    rights = cloud.types["ALIYUN::FC3::Function"].rights(CONTEXT, None, {"FunctionName": "f", "Code": code})
    arn = f"acs:oss:oss-cn-hangzhou:{ACCOUNT}:secret/code.zip"
    assert ("oss:GetObject", arn) in [(each.action, each.resource) for each in rights]


def test_a_custom_resource_needs_the_right_to_invoke_its_function(cloud: Cloud) -> None:
    properties = {"ServiceToken": f"acs:fc:cn-hangzhou:{ACCOUNT}:services/s/functions/f"}
    for before, after in ((None, properties), (properties, properties), (properties, None)):
        (right,) = cloud.types["ALIYUN::ROS::CustomResource"].rights(CONTEXT, before, after)
        assert (right.action, right.resource) == ("fc:InvokeFunction", properties["ServiceToken"])


def test_an_invoker_needs_the_right_to_invoke_its_function_and_none_to_be_deleted(cloud: Cloud) -> None:
    for kind, given, path in (
        ("FC::FunctionInvoker", {"ServiceName": "s", "FunctionName": "f"}, "services/s/functions/f"),
        ("FC3::FunctionInvoker", {"FunctionName": "f"}, "functions/f"),
    ):
        for before, after in ((None, given), (given, given)):
            (right,) = cloud.type(kind).rights(CONTEXT, before, after)
            assert (right.action, right.resource) == ("fc:InvokeFunction", f"acs:fc:cn-hangzhou:{ACCOUNT}:{path}")
        assert not list(cloud.type(kind).rights(CONTEXT, given, None))


def test_emptying_a_bucket_needs_the_right_to_delete_each_object(cloud: Cloud) -> None:
    bucket, oss = cloud.type("OSS::Bucket"), cloud.oss
    oss.buckets.create("photos")
    for key in ("a", "secret/b"):
        oss.objects.put("photos", key, b"x")
    rights = bucket.rights(CONTEXT, {"BucketName": "photos", "DeletionForce": True}, None)
    needed = {(each.action, each.resource.rpartition(":")[2]) for each in rights}
    assert {("oss:DeleteObject", "photos/a"), ("oss:DeleteObject", "photos/secret/b")} <= needed
