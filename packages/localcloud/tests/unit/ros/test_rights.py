"""Whose rights an operation on a stack has: those of whoever asked for it, and no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.service import FcService, Settings
from localcloud.kernel.identity import Credential, Identity
from localcloud.oss.service import OssService
from localcloud.ram import RamService
from localcloud.ros.callbacks import Callbacks
from localcloud.ros.errors import RosError
from localcloud.ros.model import NOBODY, Caller
from localcloud.ros.resources.provider import Context, ResourceType
from localcloud.ros.resources.registry import resource_types
from localcloud.ros.service import Request
from localcloud.sls.operations.service import SlsService

ACCOUNT = "1234567890123456"
ROLE = f"acs:ram::{ACCOUNT}:role/deployer"
DEPLOYER = Caller(
    identity=Identity(account_id=ACCOUNT, role_arn=ROLE, session_name="s", session_policy="{}"),
    conditions={"acs:SourceIp": "127.0.0.1"},
)
CONTEXT = Context(
    stack_id="stack-1",
    stack_name="one",
    logical_id="It",
    type="T",
    region="cn-hangzhou",
    account_id=ACCOUNT,
    timeout=60.0,
)
Template = Callable[..., str]
MakeRequest = Callable[..., Request]


def test_what_the_caller_may_not_create_is_refused_before_anything_is_done(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        cloud.rights.refused = {(ROLE, "test:Create")}
        request = make_request(make_template(A={}), caller=DEPLOYER)
        stack = await cloud.settled(await cloud.ros.create_stack("one", request))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert f"the policies of {ROLE} do not allow test:Create on thing/a" in stack.reason
        assert cloud.things.log == []

    asyncio.run(scenario())


def test_an_update_by_somebody_else_has_their_rights_not_those_of_the_creator(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.create_stack("one", make_request(make_template(A={"Size": 1}))))
        cloud.things.log.clear()
        cloud.rights.refused = {(ROLE, "test:Update")}
        request = make_request(make_template(A={"Size": 2}), caller=DEPLOYER)
        stack = await cloud.settled(await cloud.ros.update_stack(stack.id, request))
        assert (
            stack.status == "ROLLBACK_COMPLETE"
        )  # there was nothing to take back, for which rights would be missing too
        assert "do not allow test:Update on thing/a" in stack.reason
        assert cloud.things.log == []
        assert [event.status for event in stack.events if event.logical_id == "A"][-1] == "UPDATE_FAILED"
        assert stack.resources["A"].status == "CREATE_COMPLETE"

    asyncio.run(scenario())


def test_a_replacement_that_is_refused_leaves_the_old_resource_also_without_rollback(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        first = make_request(make_template(A={"Name": "old"}))
        stack = await cloud.settled(await cloud.ros.create_stack("one", first))
        cloud.rights.refused = {(ROLE, "test:Create")}
        second = make_request(
            make_template(A={"Name": "new"}), caller=DEPLOYER, replacement=True, disable_rollback=True
        )
        stack = await cloud.settled(await cloud.ros.update_stack(stack.id, second))
        assert (stack.status, set(cloud.things.existing)) == ("UPDATE_FAILED", {"old"})
        stack = await cloud.settled(await cloud.ros.update_stack(stack.id, first))
        assert (stack.status, set(cloud.things.existing)) == ("UPDATE_COMPLETE", {"old"})

    asyncio.run(scenario())


def test_deleting_a_stack_needs_the_right_to_delete_each_resource(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.create_stack("one", make_request(make_template(A={}))))
        cloud.rights.refused = {(ROLE, "test:Delete")}
        cloud.ros.delete_stack(stack.id, DEPLOYER, retain=(), retain_all=False)
        stack = await cloud.settled(stack)
        assert stack.status == "DELETE_FAILED"
        assert "do not allow test:Delete on thing/a" in stack.reason
        assert set(cloud.things.existing) == {"a"}

    asyncio.run(scenario())


def test_an_operation_that_a_later_process_resumes_has_the_rights_of_its_caller(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def stopped() -> None:
        request = make_request(make_template(A={}, B={"Hang": "create", "DependsOn": "A"}), caller=DEPLOYER)
        await cloud.ros.create_stack("one", request)
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def next_process() -> None:
        (stack,) = cloud.start().stacks()
        assert stack.caller == DEPLOYER
        cloud.rights.refused = {(ROLE, "test:Delete")}  # taken away meanwhile
        cloud.ros.open()
        stack = await cloud.settled(stack)
        assert stack.status == "CREATE_ROLLBACK_FAILED"
        assert "do not allow test:Delete" in stack.reason

    asyncio.run(stopped())
    asyncio.run(next_process())


def test_outputs_of_stacks_that_the_caller_may_not_see_are_not_read(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        secret = json.loads(make_template(A={}))
        secret["Outputs"] = {"Key": {"Value": "hidden"}}
        await cloud.settled(await cloud.ros.create_stack("secret", make_request(json.dumps(secret))))
        curious = make_template(B={"After": {"Fn::GetStackOutput": ["secret", "Key"]}})
        cloud.rights.refused = {(ROLE, "ros:GetStack")}
        refused = await cloud.settled(await cloud.ros.create_stack("two", make_request(curious, caller=DEPLOYER)))
        assert "there is no output Key of a stack secret" in refused.reason
        allowed = await cloud.settled(await cloud.ros.create_stack("three", make_request(curious)))
        assert allowed.status == "CREATE_COMPLETE"

    asyncio.run(scenario())


def test_a_stack_of_an_earlier_version_is_nobodys_and_tells_no_parameter(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        await cloud.settled(await cloud.ros.create_stack("one", make_request(make_template(A={}))))

    asyncio.run(scenario())
    (path,) = (cloud.folder / "stacks").glob("*.json")
    record = json.loads(path.read_bytes())
    for name in ("caller", "resumptions"):
        del record[name]
    del record["source"]["outline"]
    path.write_text(json.dumps(record))
    (stack,) = cloud.start().stacks()
    assert (stack.caller, stack.source.outline) == (NOBODY, None)


# Processes that do not survive


def test_an_operation_that_no_process_survives_is_given_up_with_a_reason(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def killed() -> None:
        stack = await cloud.settled(
            await cloud.ros.create_stack("one", make_request(make_template(A={"Hang": "delete"})))
        )
        cloud.ros.delete_stack(stack.id, cloud.caller, retain=(), retain_all=False)
        await cloud.things.hanging.wait()

    async def killed_again() -> None:
        cloud.things.hanging = asyncio.Event()
        cloud.start().open()
        await cloud.things.hanging.wait()

    async def last() -> None:
        cloud.things.log.clear()
        cloud.start().open()
        (stack,) = cloud.ros.stacks()
        assert (stack.status, stack.busy) == ("DELETE_FAILED", False)
        assert "3 processes of the embedded cloud ended while they worked on this operation" in stack.reason
        assert cloud.things.log == []
        cloud.things._act = _at_once
        cloud.ros.delete_stack(stack.id, cloud.caller, retain=(), retain_all=False)  # another operation is one's own
        assert (await cloud.settled(stack)).status == "DELETE_COMPLETE"

    asyncio.run(killed())
    asyncio.run(killed_again())
    asyncio.run(killed_again())
    asyncio.run(last())


async def _at_once(*_arguments: object) -> None:
    """Nothing hangs any more."""


def test_an_orderly_stop_does_not_count_against_an_operation(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def began() -> None:
        stack = await cloud.settled(
            await cloud.ros.create_stack("one", make_request(make_template(A={"Hang": "delete"})))
        )
        cloud.ros.delete_stack(stack.id, cloud.caller, retain=(), retain_all=False)
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def stopped() -> None:
        cloud.things.hanging = asyncio.Event()
        cloud.start().open()
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    asyncio.run(began())
    for _ in range(4):
        asyncio.run(stopped())


# Types that no service's calls tell


@pytest.fixture
def types(tmp_path: Path) -> Mapping[str, ResourceType]:
    key = Credential(access_key_id="k", access_key_secret="s", identity=Identity(account_id=ACCOUNT))
    oss = OssService(tmp_path / "oss", account_id=ACCOUNT, clock=lambda: 0.0)
    ram = RamService(tmp_path / "ram", account=key, clock=lambda: 0.0)
    settings = Settings(region="cn-hangzhou", account_id=ACCOUNT, gateway=("127.0.0.1", 1), authority="")
    fc = FcService(tmp_path / "fc", settings=settings, roles=ram, objects=oss, clock=lambda: 0.0)
    sls = SlsService(tmp_path / "sls", clock=lambda: 0.0)
    return resource_types(oss=oss, ram=ram, fc=fc, sls=sls, callbacks=Callbacks(), folder=tmp_path)


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
    types: Mapping[str, ResourceType], kind: str, properties: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    resource = types[f"ALIYUN::{kind}"]
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
        ("FC::Service", {"ServiceName": "s", "Role": ROLE}),
        ("FC3::Function", {"FunctionName": "f", "Role": ROLE}),
        ("FC3::Trigger", {"FunctionName": "f", "TriggerName": "t", "InvocationRole": ROLE}),
    ],
)
def test_a_role_is_given_to_a_function_only_by_who_may_pass_it(
    types: Mapping[str, ResourceType], kind: str, properties: dict[str, Any]
) -> None:
    for before in (None, properties):
        rights = {
            each.action: (each.resource, each.conditions)
            for each in types[f"ALIYUN::{kind}"].rights(CONTEXT, before, properties)
        }
        assert rights["ram:PassRole"] == (ROLE, {"acs:Service": "fc.aliyuncs.com"})


def test_a_code_package_is_taken_only_for_who_may_read_it(types: Mapping[str, ResourceType]) -> None:
    code = {"OssBucketName": "secret", "OssObjectName": "code.zip"}
    rights = types["ALIYUN::FC3::Function"].rights(CONTEXT, None, {"FunctionName": "f", "Code": code})
    arn = f"acs:oss:oss-cn-hangzhou:{ACCOUNT}:secret/code.zip"
    assert ("oss:GetObject", arn) in [(each.action, each.resource) for each in rights]


def test_a_custom_resource_needs_the_right_to_invoke_its_function(types: Mapping[str, ResourceType]) -> None:
    properties = {"ServiceToken": f"acs:fc:cn-hangzhou:{ACCOUNT}:services/s/functions/f"}
    for before, after in ((None, properties), (properties, properties), (properties, None)):
        (right,) = types["ALIYUN::ROS::CustomResource"].rights(CONTEXT, before, after)
        assert (right.action, right.resource) == ("fc:InvokeFunction", properties["ServiceToken"])


def test_emptying_a_bucket_needs_the_right_to_delete_each_object(
    types: Mapping[str, ResourceType], tmp_path: Path
) -> None:
    bucket = types["ALIYUN::OSS::Bucket"]
    oss = bucket._oss  # type: ignore[attr-defined]
    oss.create_bucket("photos")
    for key in ("a", "secret/b"):
        oss.put_object("photos", key, oss.write([b"x"]), headers={})
    rights = bucket.rights(CONTEXT, {"BucketName": "photos", "DeletionForce": True}, None)
    needed = {(each.action, each.resource.rpartition(":")[2]) for each in rights}
    assert {("oss:DeleteObject", "photos/a"), ("oss:DeleteObject", "photos/secret/b")} <= needed


def test_stacks_of_one_name_that_are_created_at_once_are_one(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        request = make_request(make_template(A={}))
        done = await asyncio.gather(*(cloud.ros.create_stack("one", request) for _ in range(5)), return_exceptions=True)
        refused = [each for each in done if isinstance(each, RosError)]
        assert [each.code for each in refused] == ["StackExists"] * 4

    asyncio.run(scenario())
