"""The rights of an operation on a stack: those of whoever asked for it, and no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Identity
from localcloud.ros.model import NOBODY
from localcloud.ros.operations.requests import Request

ACCOUNT = "1234567890123456"
ROLE = f"acs:ram::{ACCOUNT}:role/deployer"
DEPLOYER = Caller(
    identity=Identity(account_id=ACCOUNT, role_arn=ROLE, session_name="s", session_policy="{}"),
    conditions={"acs:SourceIp": "127.0.0.1"},
)
Template = Callable[..., str]
MakeRequest = Callable[..., Request]


def test_what_the_caller_may_not_create_is_refused_before_anything_is_done(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        cloud.rights.refused = {(ROLE, "test:Create")}
        request = make_request(make_template(A={}), caller=DEPLOYER)
        stack = await cloud.settled(await cloud.ros.stacks.create("one", request))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert f"the policies of {ROLE} do not allow test:Create on thing/a" in stack.reason
        assert cloud.things.log == []

    asyncio.run(scenario())


def test_an_update_by_somebody_else_has_their_rights_not_those_of_the_creator(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={"Size": 1}))))
        cloud.things.log.clear()
        cloud.rights.refused = {(ROLE, "test:Update")}
        request = make_request(make_template(A={"Size": 2}), caller=DEPLOYER)
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, request))
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
        stack = await cloud.settled(await cloud.ros.stacks.create("one", first))
        cloud.rights.refused = {(ROLE, "test:Create")}
        second = make_request(
            make_template(A={"Name": "new"}), caller=DEPLOYER, replacement=True, disable_rollback=True
        )
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, second))
        assert (stack.status, set(cloud.things.existing)) == ("UPDATE_FAILED", {"old"})
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, first))
        assert (stack.status, set(cloud.things.existing)) == ("UPDATE_COMPLETE", {"old"})

    asyncio.run(scenario())


def test_deleting_a_stack_needs_the_right_to_delete_each_resource(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}))))
        cloud.rights.refused = {(ROLE, "test:Delete")}
        cloud.ros.stacks.delete(stack.id, DEPLOYER, retain=(), retain_all=False)
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
        await cloud.ros.stacks.create("one", request)
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def next_process() -> None:
        (stack,) = cloud.start().stacks.all()
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
        await cloud.settled(await cloud.ros.stacks.create("secret", make_request(json.dumps(secret))))
        curious = make_template(B={"After": {"Fn::GetStackOutput": ["secret", "Key"]}})
        cloud.rights.refused = {(ROLE, "ros:GetStack")}
        refused = await cloud.settled(await cloud.ros.stacks.create("two", make_request(curious, caller=DEPLOYER)))
        assert "there is no output Key of a stack secret" in refused.reason
        allowed = await cloud.settled(await cloud.ros.stacks.create("three", make_request(curious)))
        assert allowed.status == "CREATE_COMPLETE"

    asyncio.run(scenario())


def test_a_stack_of_an_earlier_version_is_nobodys_and_tells_no_parameter(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}))))

    asyncio.run(scenario())
    (path,) = (cloud.folder / "stacks").glob("*.json")
    record = json.loads(path.read_bytes())
    for name in ("caller", "resumptions"):
        del record[name]
    del record["source"]["outline"]
    path.write_text(json.dumps(record))
    (stack,) = cloud.start().stacks.all()
    assert (stack.caller, stack.source.outline) == (NOBODY, None)
