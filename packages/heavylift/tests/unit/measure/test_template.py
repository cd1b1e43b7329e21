"""The function that a measurement finds in a project's stack, and the stack that it deploys in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heavylift.clouds.assembly import SynthesizedStack
from heavylift.contracts.manifest import Build
from heavylift.errors import HeavyliftError
from heavylift.measure.subject import Subject, find_subject
from heavylift.measure.template import Way, function_name, left_out, make_template
from tests.support.builds import write_build

OURS = Way(name="ours", code="code/ours.zip", archives={"AppLibObject": "applib/1.zip"})
ARTICLE = Way(
    name="article", code="code/article.zip", archives={"AppLibObject": "article/applib.zip"}, loads_first=True
)
VARIABLES = {
    "Bucket": {"Fn::GetAtt": ["Bucket", "Name"]},
    "Endpoint": {"Fn::Sub": "https://oss-${ALIYUN::Region}-internal.aliyuncs.com"},
    "Table": {"Fn::GetAtt": ["Table", "Name"]},
    "Shown": {"Fn::Join": ["", ["of ", {"Ref": "Table"}]]},
    "COLOUR": "blue",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return write_build(tmp_path_factory.mktemp("project") / "dist" / "Second")


def resource(build: Build, **more: object) -> dict[str, Any]:
    properties = {"FunctionName": "mine", "Handler": "loader.handler", "Runtime": "python3.10", "Timeout": 60}
    properties |= {"MemorySize": 3072, "Cpu": 2, "DiskSize": 512, "VpcConfig": {"VpcId": "v"}, **more}
    variables = {**VARIABLES, "AppLibDigest": build.applib.digest}
    return {"Type": "ALIYUN::FC3::Function", "Properties": {**properties, "EnvironmentVariables": variables}}


def stack(**resources: object) -> SynthesizedStack:
    return SynthesizedStack(name="mine", template=json.dumps({"Resources": resources}), tags={}, assets=())


def subject(build: Build, type_: str = "ALIYUN::FC3::Function", **more: object) -> Subject:
    return Subject(name="F", type=type_, properties=resource(build, **more)["Properties"], build=build)


def test_the_function_and_its_build_are_found_by_the_digest_of_the_libraries(build: Build) -> None:
    other = {"Type": "ALIYUN::FC::Function", "Properties": {"EnvironmentVariables": {}}}
    builds = build.applib.path.parents[2]
    found = find_subject(stack(Handler=other, Second=resource(build)), builds, None)
    assert (found.name, found.build.applib.digest) == ("Second", build.applib.digest)
    assert find_subject(stack(Second=resource(build), Third=resource(build)), builds, "Third").name == "Third"
    with pytest.raises(HeavyliftError, match=r"2 functions .* \(there are: Second, Third\)"):
        find_subject(stack(Second=resource(build), Third=resource(build)), builds, None)


def test_a_build_that_is_not_there_is_named(build: Build, tmp_path: Path) -> None:
    with pytest.raises(HeavyliftError, match="run `heavylift build`"):
        find_subject(stack(Second=resource(build)), tmp_path, None)


def test_the_stack_has_a_role_for_its_bucket_alone_and_the_function_once_for_each_way(build: Build) -> None:
    lifecycle = {"Initializer": {"Handler": "loader.initializer", "Timeout": 300}}
    template = make_template(
        subject(build, InstanceLifecycleConfig=lifecycle), stack="heavylift-measure-1", bucket="b", ways=(OURS, ARTICLE)
    )
    resources = template["Resources"]
    assert list(resources) == ["Role", "OursFunction", "ArticleFunction"]
    (policy,) = resources["Role"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == ["acs:oss:*:*:b/*"]
    ours, article = (resources[f"{name}Function"]["Properties"] for name in ("Ours", "Article"))
    assert ours["FunctionName"] == "heavylift-measure-1-ours"
    assert ours["InstanceLifecycleConfig"] == lifecycle
    assert "VpcConfig" not in ours
    assert (ours["Timeout"], ours["DiskSize"]) == (60, 512)
    assert "InstanceLifecycleConfig" not in article
    assert (article["Timeout"], article["DiskSize"]) == (600, 10240)
    assert article["Code"] == {"OssBucketName": "b", "OssObjectName": "code/article.zip"}


def test_a_function_of_generation_2_stands_in_a_service_of_its_own(build: Build) -> None:
    measured = subject(build, "ALIYUN::FC::Function", Initializer="loader.initializer", InitializationTimeout=300)
    resources = make_template(measured, stack="s", bucket="b", ways=(OURS, ARTICLE))["Resources"]
    assert list(resources) == ["Role", "Service", "OursFunction", "ArticleFunction"]
    assert resources["OursFunction"]["Properties"]["Initializer"] == "loader.initializer"
    assert "Initializer" not in resources["ArticleFunction"]["Properties"]
    assert function_name(measured, "s", ARTICLE).service == "s"
    assert function_name(subject(build), "s", ARTICLE).service is None


def test_variables_that_name_resources_of_the_functions_own_stack_are_left_out(build: Build) -> None:
    measured = subject(build)
    assert left_out(measured) == ["Shown", "Table"]
    resources = make_template(measured, stack="s", bucket="b", ways=(OURS,))["Resources"]
    variables = resources["OursFunction"]["Properties"]["EnvironmentVariables"]
    assert variables == {
        "Bucket": "b",
        "Endpoint": VARIABLES["Endpoint"],
        "COLOUR": "blue",
        "AppLibDigest": build.applib.digest,
        "AppLibObject": "applib/1.zip",
    }
