"""Stacks in stacks: they are created, changed, taken back and deleted with the one that they are in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ros.model import Stack
from localcloud.ros.operations.requests import Request

Make = Callable[..., Request]


def thing(name: str, **more: object) -> dict[str, Any]:
    return {"Type": "Test::Thing", "Properties": {"Name": name, **more}}


def document(resources: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    return {"ROSTemplateFormatVersion": "2015-09-01", "Resources": dict(resources), **sections}


def inner(size: int = 1, **more: object) -> dict[str, Any]:
    return document(
        {"Thing": thing("inner", Size=size, **more)},
        Parameters={"Word": {"Type": "String", "Default": "x"}},
        Outputs={"Size": {"Value": {"Fn::GetAtt": ["Thing", "Size"]}}, "Word": {"Value": {"Ref": "Word"}}},
    )


def outer(body: Mapping[str, Any], last: Mapping[str, object] | None = None, **properties: Any) -> str:
    given = {"TemplateBody": body} if body else {}
    nested = {"Type": "ALIYUN::ROS::Stack", "Properties": {**given, **properties}}
    after = thing("after", After={"Fn::GetAtt": ["Nested", "Outputs.Size"]}, **(last or {}))
    outputs = {"Word": {"Value": {"Fn::GetAtt": ["Nested", "Outputs.Word"]}}, "Arn": {"Value": {"Ref": "Nested"}}}
    return json.dumps(document({"Nested": nested, "After": after}, Outputs=outputs))


def child_of(cloud: Any, stack: Stack) -> Stack:
    children: list[Stack] = [each for each in cloud.ros.stacks.all() if each.parent == stack.id]
    (child,) = children
    return child


def test_a_nested_stack_is_made_with_parameters_and_its_outputs_are_attributes(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        request = make_request(outer(inner(), Parameters={"Word": "y"}))
        stack = await cloud.settled(await cloud.ros.stacks.create("one", request))
        child = child_of(cloud, stack)
        assert stack.status == "CREATE_COMPLETE", stack.reason
        assert child.name.startswith("one-Nested-")
        assert stack.resources["Nested"].physical_id == child.id
        assert stack.outputs["Word"] == "y"
        assert stack.outputs["Arn"] == f"arn:acs:ros::cn-hangzhou:1234567890123456:stacks/{child.name}/{child.id}"
        assert cloud.things.existing["after"]["After"] == 1
        assert cloud.ros.stacks.root(child) == stack.id
        cloud.ros.stacks.delete(stack.id, stack.caller)
        assert (await cloud.settled(stack)).status == "DELETE_COMPLETE"
        assert cloud.ros.stacks.get(child.id).status == "DELETE_COMPLETE"
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_what_fails_in_it_fails_the_outer_one_which_takes_all_back(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(outer(inner(Fail="create", Leave=True))))
        )
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "resources.Thing: cannot create" in stack.reason
        assert child_of(cloud, stack).status == "DELETE_COMPLETE"
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_a_template_that_is_not_valid_is_the_reason(cloud: Any, make_request: Make) -> None:
    async def scenario(properties: Mapping[str, Any], words: str) -> None:
        text = outer({}, **properties)
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert words in stack.reason
        assert len(cloud.ros.stacks.all()) == 1
        cloud.ros.stacks.delete(stack.id, stack.caller)
        await cloud.settled(stack)
        for each in cloud.ros.stacks.all():
            cloud.ros.stacks._store.drop(each.id)

    for properties, words in (
        ({}, "Give TemplateBody, TemplateURL or TemplateId"),
        ({"TemplateBody": {"Resources": {}}}, "The template version is invalid"),
        ({"TemplateBody": document({}, Locals={"A": {"Value": 1}})}, "Locals: not allowed"),
        ({"TemplateBody": document({}), "Parameters": {"No": 1}}, "The Parameter (No) was not defined"),
        ({"TemplateId": "none"}, "The Template (none) could not be found"),
        ({"TemplateURL": "http://example.com/x"}, "not implemented: URLs other than"),
    ):
        asyncio.run(scenario(properties, words))


def test_an_update_changes_it_and_a_failure_beside_it_changes_it_back(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(outer(inner()))))
        child = child_of(cloud, stack)
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, make_request(outer(inner(2)))))
        assert stack.status == "UPDATE_COMPLETE", stack.reason
        assert cloud.things.existing["inner"]["Size"] == 2
        assert cloud.ros.stacks.get(child.id).status == "UPDATE_COMPLETE"
        broken = make_request(outer(inner(3), {"Fail": "update"}))
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, broken))
        assert stack.status == "ROLLBACK_COMPLETE", stack.reason
        assert cloud.things.existing["inner"]["Size"] == 2
        broken = make_request(outer(inner(4, Fail="update")))
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, broken))
        assert stack.status == "ROLLBACK_COMPLETE", stack.reason
        assert cloud.things.existing["inner"]["Size"] == 2
        assert child_of(cloud, stack).id == child.id

    asyncio.run(scenario())


def test_an_update_that_is_cancelled_changes_it_back(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(outer(inner()))))
        await cloud.ros.stacks.update(stack.id, make_request(outer(inner(2, Hang="update"))))
        await cloud.things.hanging.wait()
        cloud.ros.stacks.cancel(cloud.ros.stacks.get(stack.id), "UPDATE")
        stack = await cloud.settled(stack)
        assert stack.status == "ROLLBACK_COMPLETE", stack.reason
        assert cloud.things.existing["inner"]["Size"] == 1

    asyncio.run(scenario())


def test_a_deletion_cuts_it_short(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create("one", make_request(outer(inner(Hang="create"))))
        await cloud.things.hanging.wait()
        cloud.ros.stacks.delete(stack.id, stack.caller)
        assert (await cloud.settled(stack)).status == "DELETE_COMPLETE"
        assert child_of(cloud, stack).status == "DELETE_COMPLETE"
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_one_that_a_killed_process_began_goes_with_the_outer_one(cloud: Any, make_request: Make) -> None:
    async def begin() -> Stack:
        stack: Stack = await cloud.ros.stacks.create("one", make_request(outer(inner(Hang="create"))))
        await cloud.things.hanging.wait()
        return stack

    async def resume(stack: Stack) -> None:
        cloud.start().open()
        assert (await cloud.settled(stack)).status == "CREATE_ROLLBACK_COMPLETE"
        assert child_of(cloud, stack).status == "DELETE_COMPLETE"
        assert cloud.things.existing == {}

    asyncio.run(resume(asyncio.run(begin())))


def test_stacks_nest_five_levels_deep(cloud: Any, make_request: Make) -> None:
    def levels(count: int) -> dict[str, Any]:
        if count == 0:
            return document({"Thing": thing("deep")})
        nested = {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateBody": levels(count - 1)}}
        return document({"Nested": nested})

    async def scenario(count: int, status: str) -> None:
        text = json.dumps(levels(count))
        stack = await cloud.settled(await cloud.ros.stacks.create(f"deep-{count}", make_request(text)))
        assert stack.status == status, stack.reason

    asyncio.run(scenario(6, "CREATE_ROLLBACK_COMPLETE"))
    asyncio.run(scenario(5, "CREATE_COMPLETE"))


def test_it_is_made_with_the_rights_of_whoever_makes_the_outer_one(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        cloud.rights.refused.add((None, "ros:CreateStack"))
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(outer(inner()))))
        assert "do not allow ros:CreateStack" in stack.reason
        cloud.rights.refused.clear()
        cloud.rights.refused.add((None, "test:Create"))
        stack = await cloud.settled(await cloud.ros.stacks.create("two", make_request(outer(inner()))))
        assert "do not allow test:Create on thing/inner" in stack.reason

    asyncio.run(scenario())


def test_a_template_at_a_url_is_read_for_whoever_asks(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        cloud.objects["bucket", "inner.json"] = json.dumps(inner(7)).encode()
        text = outer({}, TemplateURL="oss://bucket/inner.json")
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        assert stack.status == "CREATE_COMPLETE", stack.reason
        assert cloud.things.existing["inner"]["Size"] == 7
        cloud.rights.refused.add((None, "oss:GetObject"))
        stack = await cloud.settled(await cloud.ros.stacks.create("two", make_request(text)))
        assert "oss:GetObject" in stack.reason

    asyncio.run(scenario())
