"""Functions that stacks invoke: when they do, what becomes of the answers, and file systems that one of them prepares."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

Template = Mapping[str, Any]
CODE = textwrap.dedent(
    """
    COUNT = [0]

    def handler(event, context):
        if event == b"raise":
            raise ValueError("no")
        if event == b"bytes":
            return bytes([255])
        if event == b"much":
            return "x" * (1 << 21)
        COUNT[0] += 1
        return f"{event.decode()} {COUNT[0]}"
    """
)
VPC = {"VpcId": "vpc-1", "VSwitchIds": ["vsw-1"], "SecurityGroupId": "sg-1"}


@pytest.fixture(params=[2, 3])
def template_of(request: pytest.FixtureRequest) -> Callable[..., Template]:
    """Make a template with a function and an invoker of it, of either generation."""
    name, space = "f" + uuid4().hex[:10], "FC" if request.param == 2 else "FC3"
    place = {"ServiceName": {"Fn::GetAtt": ["Service", "ServiceName"]}} if request.param == 2 else {}
    service = {"Service": {"Type": "ALIYUN::FC::Service", "Properties": {"ServiceName": name}}} if place else {}
    function = {"FunctionName": name, "Runtime": "python3.10", "Handler": "index.handler", "Code": {"SourceCode": CODE}}
    named = {"FunctionName": {"Fn::GetAtt": ["Function", "FunctionName"]}}

    def make(**invoker: Any) -> Template:
        return {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Resources": {
                **service,
                "Function": {"Type": f"ALIYUN::{space}::Function", "Properties": {**function, **place}},
                "Invoker": {"Type": f"ALIYUN::{space}::FunctionInvoker", "Properties": {**named, **place, **invoker}},
            },
            "Outputs": {
                each: {"Value": {"Fn::GetAtt": ["Invoker", each]}}
                for each in ("ResultType", "Result", *(["TaskId"] if space == "FC3" else []))
            },
        }

    return make


def outputs(stack: Any) -> dict[str, Any]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}


def results(stack: Any) -> tuple[Any, Any]:
    """Return the kind of result that a stack shows, and the result."""
    assert stack.status.endswith("_COMPLETE"), stack.status_reason
    shown = outputs(stack)
    return shown["ResultType"], shown["Result"]


def test_a_function_is_invoked_whenever_the_version_to_execute_has_another_value(
    ros: Any, template_of: Callable[..., Template]
) -> None:
    stack = ros.deployed(template_of(Event="none"))
    assert results(stack) == ("NoResult", "")
    for given, told in (
        ({"Event": "one", "ExecuteVersion": 1}, "one 1"),
        ({"Event": "two", "ExecuteVersion": 1}, "one 1"),
        ({"Event": "three", "ExecuteVersion": 2}, "three 2"),
        ({"Event": "four"}, "three 2"),
    ):
        ros.update(stack.stack_id, template_of(**given))
        assert results(ros.settled(stack.stack_id)) == ("Success", told)
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("event", "said"),
    [("raise", '"errorType":"ValueError"'), ("bytes", "no UTF-8"), ("much", "2,097,152 bytes; a stack keeps at most")],
)
def test_a_failure_is_a_result_unless_it_is_asked_for(
    ros: Any, template_of: Callable[..., Template], event: str, said: str
) -> None:
    kind, result = results(ros.deployed(template_of(Event=event, ExecuteVersion=1)))
    assert kind == "Failure"
    assert said in result.replace(": ", ":")
    checked = template_of(Event=event, ExecuteVersion=1, CheckError=True)
    checked["Resources"]["Function"]["Properties"]["FunctionName"] += "-too"
    if service := checked["Resources"].get("Service"):
        service["Properties"]["ServiceName"] += "-too"
    failed = ros.deployed(checked)
    assert failed.status == "CREATE_ROLLBACK_COMPLETE"
    assert "the function failed: " in failed.status_reason


def test_an_asynchronous_invocation_has_no_result(ros: Any, template_of: Callable[..., Template]) -> None:
    stack = ros.deployed(template_of(Event="later", ExecuteVersion=1, Async=True, CheckError=True))
    assert results(stack) == ("NoResult", "")
    assert outputs(stack).get("TaskId") != ""
    wrong = template_of(
        ExecuteVersion=1, Async=True, CheckAsyncInvocation={"Enabled": True, "CheckInterval": 10, "CheckTimes": 1}
    )
    ros.update(stack.stack_id, wrong)
    assert "CheckAsyncInvocation.Enabled: not implemented" in ros.settled(stack.stack_id).status_reason


def test_what_cannot_be_invoked_fails_the_stack(ros: Any, template_of: Callable[..., Template]) -> None:
    stack = ros.deployed(template_of())
    for given, said in (
        ({"Qualifier": "nobody"}, "AliasNotFound: "),
        ({"ServiceRegionId": "cn-beijing"}, "not implemented: functions outside of cn-hangzhou: cn-beijing"),
    ):
        ros.update(stack.stack_id, template_of(ExecuteVersion=1, **given))
        assert said in ros.settled(stack.stack_id).status_reason


def test_a_stack_prepares_the_file_system_of_its_functions(cloud: Any, ros: Any) -> None:
    if cloud.endpoints["isolation"] != "bubblewrap":
        pytest.skip("bubblewrap is missing or not permitted here")
    name = "n" + uuid4().hex[:10]
    service = {"Fn::GetAtt": ["Service", "ServiceName"]}
    mount = {"MountDir": "/mnt/auto", "ServerAddr": f"{name}.cn-hangzhou.nas.aliyuncs.com:/{name}"}
    code = {
        "Writer": "def handler(event, context):\n    open('/mnt/auto/file', 'wb').write(event)",
        "Reader": "def handler(event, context):\n    return open('/mnt/auto/file').read()",
    }
    resources: dict[str, Any] = {
        "Service": {
            "Type": "ALIYUN::FC::Service",
            "Properties": {
                "ServiceName": name,
                "VpcConfig": VPC,
                "NasConfig": {"UserId": 0, "GroupId": 0, "MountPoints": [mount]},
            },
        }
    }
    for each, source in code.items():
        properties = {"ServiceName": service, "FunctionName": each, "Handler": "index.handler", "Runtime": "python3.10"}
        resources[each] = {
            "Type": "ALIYUN::FC::Function",
            "Properties": {**properties, "Code": {"SourceCode": source}},
        }
        resources[f"Run{each}"] = {
            "Type": "ALIYUN::FC::FunctionInvoker",
            "Properties": {
                "ServiceName": service,
                "FunctionName": {"Fn::GetAtt": [each, "FunctionName"]},
                "Event": "prepared",
                "ExecuteVersion": 1,
                "CheckError": True,
            },
        }
    resources["RunReader"]["DependsOn"] = "RunWriter"
    told = {each: {"Value": {"Fn::GetAtt": ["RunReader", each]}} for each in ("ResultType", "Result")}
    stack = ros.deployed({"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources, "Outputs": told})
    assert results(stack) == ("Success", "prepared")
