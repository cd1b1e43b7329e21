"""Function Compute 2.0, and what both generations share: what exists afterwards, and what is refused."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.attachments import Mount, Nas, Vpc
from tests.support.resource_types import ACCOUNT, ROLE_ARN, SAMPLES, Cloud, reason


def function(**given: Any) -> dict[str, Any]:
    return {**SAMPLES["FC::Function"], **given}


def package(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return content.getvalue()


def code_of(cloud: Cloud, tmp_path: Path, path: str) -> dict[str, str]:
    folder = tmp_path / "fc" / "code" / cloud.fc.functions.get(path).code
    return {each.name: each.read_text() for each in folder.iterdir()}


def test_a_service_is_what_its_properties_say(cloud: Cloud) -> None:
    outcome = cloud.create(
        "FC::Service",
        ServiceName="photos",
        Role=ROLE_ARN,
        Description="rotates",
        InternetAccess="false",
        LogConfig={"Project": "logs", "Logstore": "functions", "EnableRequestMetrics": True},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    service = cloud.fc.services.get("photos")
    assert (service.role, service.description, service.internet_access) == (ROLE_ARN, "rotates", False)
    assert service.log_config == {"project": "logs", "logstore": "functions", "enableRequestMetrics": True}
    assert outcome.attributes == {
        "ServiceName": "photos",
        "ServiceId": "photos",
        "Role": ROLE_ARN,
        "InternetAccess": False,
        "LogProject": "logs",
        "Logstore": "functions",
        "Tags": [{"Key": "a", "Value": "b"}],
        "VpcId": "",
    }


VPC = {"VpcId": "vpc-1", "VSwitchIds": ["vsw-1"], "SecurityGroupId": "sg-1"}
MOUNT = {"ServerAddr": "a.nas.aliyuncs.com:/", "MountDir": "/mnt/nas"}


def test_a_service_mounts_file_systems_in_its_network(cloud: Cloud) -> None:
    given = {"ServiceName": "photos", "VpcConfig": {**VPC, "ZoneId": "cn-hangzhou-h"}}
    nas = {"UserId": "10003", "GroupId": -1, "MountPoints": [MOUNT]}
    outcome = cloud.create("FC::Service", **given, NasConfig=nas)
    service = cloud.fc.services.get("photos")
    assert service.vpc == Vpc(id="vpc-1", switches=("vsw-1",), security_group="sg-1")
    assert service.nas == Nas(user=10003, mounts=(Mount(server=MOUNT["ServerAddr"], folder="/mnt/nas"),))
    assert outcome.attributes["VpcId"] == "vpc-1"
    missing = {**given, "ServiceName": "other", "NasConfig": {"MountPoints": [{"ServerAddr": "a:/"}]}}
    said = reason(cloud.create, "FC::Service", **missing)
    for name in ("UserId", "GroupId", "MountPoints[0].MountDir"):
        assert f"Property NasConfig.{name}: required, but missing" in said
    cloud.update("FC::Service", {**given, "NasConfig": nas}, {"ServiceName": "photos"})
    assert (cloud.fc.services.get("photos").vpc, cloud.fc.services.get("photos").nas) == (None, Nas())


def test_a_function_of_3_0_mounts_file_systems_in_its_network(cloud: Cloud) -> None:
    mount = {**MOUNT, "EnableTls": "true"}
    given = {**SAMPLES["FC3::Function"], "NasConfig": {"MountPoints": [mount]}}
    assert "nasConfig needs a vpcConfig" in reason(cloud.create, "FC3::Function", **given)
    blank = {"VpcId": "", "VSwitchIds": [""], "SecurityGroupId": ""}
    assert "nasConfig needs a vpcConfig" in reason(cloud.create, "FC3::Function", **given, VpcConfig=blank)
    cloud.create("FC3::Function", **given, VpcConfig=VPC)
    made = cloud.fc.functions.get("functions/new")
    assert (made.vpc and made.vpc.id, [each.tls for each in made.nas.mounts]) == ("vpc-1", [True])


@pytest.mark.parametrize(("kind", "path"), [("FC::Service", "services/base-too"), ("FC3::Function", "functions/new")])
def test_tags_are_those_of_the_service_or_function(cloud: Cloud, kind: str, path: str) -> None:
    before = {**SAMPLES[kind], "Tags": [{"Key": "team", "Value": "blue"}, {"Key": "old"}]}
    cloud.create(kind, **before)
    assert cloud.fc.tags.get(path) == {"team": "blue", "old": ""}
    cloud.fc.tags.add(path, {"mine": "1"})
    after = {**SAMPLES[kind], "Tags": [{"Key": "team", "Value": "red"}]}
    cloud.update(kind, before, after)
    assert cloud.fc.tags.get(path) == {"mine": "1", "team": "red"}
    cloud.delete(kind, **after)
    assert cloud.fc.tags.get(path) == {}
    assert reason(cloud.create, kind, **{**after, "Tags": [{"Key": ""}]}) == "Property Tags: a tag has no Key"
    assert not cloud.exists(kind, path.partition("/")[2])


def test_a_service_with_functions_is_not_deleted(based: Cloud) -> None:
    assert reason(based.delete, "FC::Service", ServiceName="base").startswith("ServiceNotEmpty: ")


def test_a_function_is_what_its_properties_say(based: Cloud) -> None:
    outcome = based.create(
        "FC::Function",
        **function(
            Initializer="loader.initializer",
            InitializationTimeout=300,
            Timeout="60",
            MemorySize=2048,
            Cpu=1.5,
            DiskSize=10240,
            EnvironmentVariables={"Bucket": "photos", "Number": 1},
            InstanceConcurrency=1,
            VpcConfig=None,
        ),
    )
    made = based.fc.functions.get("services/base/functions/new")
    assert (made.initializer, made.initialization_timeout, made.timeout) == ("loader.initializer", 300, 60)
    assert (made.memory, made.cpu, made.disk) == (2048, 1.5, 10240)
    assert made.environment == {"Bucket": "photos", "Number": "1"}
    assert outcome.attributes == {
        "FunctionName": "new",
        "FunctionId": made.function_id,
        "ARN": f"acs:fc:cn-hangzhou:{ACCOUNT}:services/base/functions/new",
        "ServiceName": "base",
        "ServiceId": "base",
    }


def test_a_custom_runtime_has_its_program_its_checks_and_hooks(based: Cloud) -> None:
    lifecycle = {"PreFreeze": {"Handler": "none", "Timeout": 9}, "PreStop": {"Handler": "none"}}
    check = {"HttpGetUrl": "/healthz", "PeriodSeconds": "5"}
    given = function(
        Runtime="custom.debian11",
        CustomRuntimeConfig={"Command": ["python3"], "Args": ["server.py"]},
        CAPort=8080,
        CustomHealthCheckConfig=check,
        InstanceConcurrency=20,
        InstanceLifecycleConfig=lifecycle,
    )
    based.create("FC::Function", **given)
    made = based.fc.functions.get("services/base/functions/new")
    assert (made.command, made.arguments, made.port) == (("python3",), ("server.py",), 8080)
    assert (made.health_check, made.concurrency) == ({"httpGetUrl": "/healthz", "periodSeconds": 5}, 20)
    assert (made.pre_freeze, made.pre_freeze_timeout, made.pre_stop, made.pre_stop_timeout) == ("none", 9, "none", 3)
    based.update("FC::Function", given, function(Runtime="custom.debian11"))
    made = based.fc.functions.get("services/base/functions/new")
    assert (made.command, made.port, made.health_check, made.concurrency, made.pre_stop) == ((), 9000, {}, 1, "")


def test_code_comes_from_the_first_source_that_is_given(based: Cloud, tmp_path: Path) -> None:
    based.create("OSS::Bucket", BucketName="assets")
    based.oss.objects.put("assets", "code.zip", package(stored="1"))
    zipped = base64.b64encode(package(zipped="1")).decode()
    stored = {"OssBucketName": "assets", "OssObjectName": "code.zip"}
    for code, expected in [
        ({**stored, "SourceCode": "x = 1", "ZipFile": zipped}, {"zipped.py": "1"}),
        ({**stored, "SourceCode": "x = 1"}, {"index.py": "x = 1"}),
        (stored, {"stored.py": "1"}),
    ]:
        based.create("FC::Function", **function(Code=code))
        assert code_of(based, tmp_path, "services/base/functions/new") == expected
        based.delete("FC::Function", **function())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({}, "Property Code: give ZipFile, SourceCode, or OssBucketName and OssObjectName"),
        ({"OssBucketName": "assets"}, "Property Code: give "),
        ({"ZipFile": "?"}, "Property Code.ZipFile: not base64: "),
        ({"ZipFile": "aGVsbG8="}, "InvalidArgument: code: "),
        (
            {"OssBucketName": "none", "OssObjectName": "a"},
            "InvalidArgument: code: oss://none/a cannot be read: NoSuchBucket",
        ),
    ],
)
def test_a_function_without_code_is_not_there(based: Cloud, code: dict[str, str], expected: str) -> None:
    assert reason(based.create, "FC::Function", **function(Code=code)).startswith(expected)
    assert [each.name for each in based.fc.functions.all("base")] == ["base"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"FunctionName": "1a"}, "InvalidArgument: functionName "),
        ({"Runtime": "cobol"}, "InvalidArgument: Runtime "),
        ({"MemorySize": 100}, "Property MemorySize: 100 is less than 128"),
        ({"MemorySize": 130}, "InvalidArgument: memorySize "),
        ({"DiskSize": 1024}, "Property DiskSize: 1024 is not one of 512, 10240"),
        ({"EnvironmentVariables": {"FC_A": "b"}}, "InvalidArgument: environmentVariables: 'FC_A'"),
        ({"GpuMemorySize": 2048}, "Property GpuMemorySize: not implemented: GpuMemorySize"),
        (
            {"InstanceConcurrency": 10},
            "InvalidArgument: instanceConcurrency is 10; expected 1 for python3.10",
        ),
    ],
)
def test_a_function_that_is_refused_is_not_there(based: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(based.create, "FC::Function", **function(**given)).startswith(expected)
    assert [each.name for each in based.fc.functions.all("base")] == ["base"]


def test_an_update_reads_the_code_again_only_when_it_changes(based: Cloud, tmp_path: Path) -> None:
    based.create("OSS::Bucket", BucketName="assets")
    based.oss.objects.put("assets", "code.zip", package(old="1"))
    before = function(Code={"OssBucketName": "assets", "OssObjectName": "code.zip"})
    made = based.create("FC::Function", **before)
    based.oss.objects.delete("assets", "code.zip")
    assert based.update("FC::Function", before, {**before, "Timeout": 9}).attributes == made.attributes
    assert based.fc.functions.get("services/base/functions/new").timeout == 9
    assert code_of(based, tmp_path, "services/base/functions/new") == {"old.py": "1"}
    gone = {**before, "Code": {"OssBucketName": "assets", "OssObjectName": "other.zip"}, "Timeout": 10}
    assert "NoSuchKey" in reason(based.update, "FC::Function", before, gone)
    assert based.fc.functions.get("services/base/functions/new").timeout == 9
    based.update("FC::Function", gone, before)  # as an executor does that rolls back
    based.update("FC::Function", before, {**before, "Code": {"SourceCode": "x = 2"}})
    assert code_of(based, tmp_path, "services/base/functions/new") == {"index.py": "x = 2"}


def test_an_oss_trigger_is_what_its_properties_say(based: Cloud) -> None:
    given = SAMPLES["FC::Trigger"]
    outcome = based.create("FC::Trigger", **given, Qualifier="LATEST")
    made = based.fc.triggers.get("services/base/functions/base", "incoming")
    assert (made.kind, made.source_arn, made.invocation_role) == ("oss", given["SourceArn"], ROLE_ARN)
    assert made.config == given["TriggerConfig"]
    assert outcome.attributes == {
        "ServiceName": "base",
        "FunctionName": "base",
        "TriggerName": "incoming",
        "TriggerId": made.trigger_id,
        "UrlInternet": "",
        "UrlIntranet": "",
    }
    changed = {**given, "TriggerConfig": {"events": ["oss:ObjectRemoved:*"]}}
    assert based.update("FC::Trigger", given, changed).attributes == outcome.attributes
    assert based.fc.triggers.get("services/base/functions/base", "incoming").config == changed["TriggerConfig"]


def test_an_http_trigger_of_fc_2_has_the_clouds_urls(based: Cloud) -> None:
    outcome = based.create(
        "FC::Trigger",
        ServiceName="base",
        FunctionName="base",
        TriggerName="web",
        TriggerType="http",
        TriggerConfig={"authType": "anonymous", "methods": ["GET"]},
    )
    path = "2016-08-15/proxy/base.LATEST/base/"
    assert outcome.attributes["UrlInternet"] == f"https://{ACCOUNT}.cn-hangzhou.fc.aliyuncs.com/{path}"
    assert outcome.attributes["UrlIntranet"] == f"https://{ACCOUNT}.cn-hangzhou-internal.fc.aliyuncs.com/{path}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SourceArn": None}, "Property SourceArn: required for triggers of the type oss, but missing"),
        ({"InvocationRole": ""}, "Property InvocationRole: required for triggers of the type oss, but missing"),
        ({"SourceArn": "photos"}, "InvalidArgument: sourceArn must be "),
        ({"TriggerConfig": {}}, "InvalidArgument: triggerConfig.events "),
        ({"TriggerType": "log"}, "NotImplemented: not implemented: triggerConfig.events"),
        (
            {"TriggerType": "mns_topic"},
            "Property TriggerType: not implemented: TriggerType other than oss, http, timer, log",
        ),
        ({"SourceArn": "acs:oss:cn-hangzhou:1:gone"}, "OSSInvalidRequest: "),
        ({"Qualifier": "1"}, "VersionNotFound: "),
    ],
)
def test_a_trigger_that_is_refused_is_not_there(based: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(based.create, "FC::Trigger", **{**SAMPLES["FC::Trigger"], **given}).startswith(expected)
    assert based.fc.triggers.all("services/base/functions/base") == []
