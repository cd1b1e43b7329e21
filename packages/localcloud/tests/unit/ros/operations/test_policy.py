"""Stack policies, and the smaller operations on stacks: what an update may change, cancelling and going on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ros.errors import RosError
from localcloud.ros.operations.policy import Action, is_allowed, read_policy
from localcloud.ros.operations.requests import Request

Make = Callable[..., Request]
ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": statements})


def deny(action: str = "Update:*", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([ALL], {Action.MODIFY, Action.REPLACE, Action.DELETE}),
        ([], set()),
        ([ALL, deny()], set()),
        ([ALL, deny("Update:Replace", "LogicalResourceId/Db")], {Action.MODIFY, Action.DELETE}),
        ([ALL, deny("Update:Replace", "LogicalResourceId/D*")], {Action.MODIFY, Action.DELETE}),
        ([ALL, deny(resource="LogicalResourceId/Other")], {Action.MODIFY, Action.REPLACE, Action.DELETE}),
        ([{**ALL, "Action": ["Update:Modify", "Update:Delete"]}], {Action.MODIFY, Action.DELETE}),
        ([ALL, deny(Condition={"StringEquals": {"ResourceType": ["ALIYUN::RDS::DBInstance"]}})], set()),
        ([ALL, deny(Condition={"StringLike": {"ResourceType": "ALIYUN::OSS::*"}})], set(Action)),
        (
            [{"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "NotResource": "LogicalResourceId/X"}],
            {Action.MODIFY, Action.REPLACE},
        ),
    ],
)
def test_what_no_statement_allows_is_denied_and_a_denial_goes_before(
    statements: list[dict[str, Any]], allowed: set[Action]
) -> None:
    read = read_policy(policy(*statements))
    assert {each for each in Action if is_allowed(read, each, "Db", "ALIYUN::RDS::DBInstance")} == allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        policy({**ALL, "Effect": "Maybe"}),
        policy({**ALL, "Principal": "me"}),
        policy({**ALL, "Action": "Update:Create"}),
        policy({**ALL, "NotAction": "Update:*"}),
        policy({**ALL, "Resource": "Db"}),
        policy({**ALL, "Condition": {"Bool": {}}}),
        policy({**ALL, "Else": 1}),
        policy(*[ALL] * 300),
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(RosError, match="The stack policy is not valid"):
        read_policy(text)


@pytest.mark.parametrize(
    ("action", "second"),
    [
        ("Update:Modify", {"A": {"Size": 2}, "B": {}}),
        ("Update:Replace", {"A": {"Name": "new"}, "B": {}}),
        ("Update:Delete", {"B": {}}),
    ],
)
def test_an_update_that_the_policy_denies_changes_nothing(
    cloud: Any, make_template: Callable[..., str], make_request: Make, action: str, second: dict[str, Any]
) -> None:
    async def scenario() -> None:
        guarded = policy(ALL, deny(action, "LogicalResourceId/A"))
        first = make_request(make_template(A={"Size": 1}, B={}), policy=guarded)
        stack = await cloud.settled(await cloud.ros.stacks.create("one", first))
        before = dict(cloud.things.existing)
        request = make_request(make_template(**second), replacement=True)
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, request))
        assert stack.status == "ROLLBACK_COMPLETE"
        assert f"Action denied by stack policy: {action} of A" in stack.reason
        assert cloud.things.existing == before
        once = make_request(make_template(**second), replacement=True, policy_once=policy(ALL))
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, once))
        assert stack.status == "UPDATE_COMPLETE", stack.reason
        assert stack.policy == guarded

    asyncio.run(scenario())


def test_an_update_that_is_cancelled_goes_back(
    cloud: Any, make_template: Callable[..., str], make_request: Make
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={"Size": 1}))))
        with pytest.raises(RosError, match="is not supported"):
            cloud.ros.stacks.cancel(stack, "UPDATE")
        changed = make_request(make_template(A={"Size": 2}, B={"DependsOn": "A", "Hang": "create"}))
        stack = await cloud.ros.stacks.update(stack.id, changed)
        await cloud.things.hanging.wait()
        cloud.ros.stacks.cancel(cloud.ros.stacks.get(stack.id), "UPDATE")
        stack = await cloud.settled(stack)
        assert (stack.status, stack.reason) == ("ROLLBACK_COMPLETE", "Stack UPDATE was cancelled")
        assert cloud.things.existing == {"a": {"Name": "a", "Size": 1}}

    asyncio.run(scenario())


def test_a_creation_that_failed_goes_on_with_what_is_not_complete(
    cloud: Any, make_template: Callable[..., str], make_request: Make
) -> None:
    async def scenario() -> None:
        broken = make_template(A={}, B={"DependsOn": "A", "Fail": "create"}, C={"DependsOn": "B"})
        request = make_request(broken, disable_rollback=True)
        stack = await cloud.settled(await cloud.ros.stacks.create("one", request))
        cloud.things.log.clear()
        mended = make_request(make_template(A={}, B={"DependsOn": "A"}, C={"DependsOn": "B"}))
        stack = await cloud.settled(await cloud.ros.stacks.continue_creation(stack, mended))
        assert stack.status == "CREATE_COMPLETE", stack.reason
        assert cloud.things.log == ["create b", "create c"]
        with pytest.raises(RosError, match="is not supported"):
            await cloud.ros.stacks.continue_creation(stack, mended)

    asyncio.run(scenario())
