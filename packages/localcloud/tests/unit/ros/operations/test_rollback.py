"""A stack that went back is what it was before: its parameters, and what its resources say of themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ros.errors import RosError
from localcloud.ros.operations.requests import Request

Template = Callable[..., str]
MakeRequest = Callable[..., Request]


def with_size(text: str) -> str:
    """Give the thing A a size that is a parameter; of the size 2 there is none."""
    document = json.loads(text)
    document["Parameters"] = {"Size": {"Type": "Number"}}
    document["Conditions"] = {"Two": {"Fn::Equals": [{"Ref": "Size"}, 2]}}
    properties = document["Resources"]["A"]["Properties"]
    properties |= {"Size": {"Ref": "Size"}, "Fail": {"Fn::If": ["Two", "update", {"Ref": "ALIYUN::NoValue"}]}}
    return json.dumps(document)


def test_the_parameters_of_an_update_that_went_back_are_gone_and_may_be_tried_again(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        text = with_size(make_template(A={}))
        stack = await cloud.ros.stacks.create("one", make_request(text, parameters={"Size": "1"}))
        await cloud.settled(stack)
        for _ in range(2):  # the second is not "completely the same"
            await cloud.ros.stacks.update(stack.id, make_request(text, parameters={"Size": "2"}))
            stack = await cloud.settled(stack)
            assert stack.status == "ROLLBACK_COMPLETE"
            assert stack.source.values == {"Size": 1}
        with pytest.raises(RosError, match="completely same"):
            await cloud.ros.stacks.update(stack.id, make_request(text, parameters={"Size": "1"}))

    asyncio.run(scenario())


def test_the_tags_of_an_update_that_went_back_are_taken_from_its_resources_and_may_be_tried_again(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        text = make_template(A={}, B={"DependsOn": "A"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text, tags={"team": "blue"})))
        failing = make_template(A={}, B={"DependsOn": "A", "Fail": "update"})
        for _ in range(2):
            await cloud.ros.stacks.update(stack.id, make_request(failing, tags={"team": "red"}))
            assert (await cloud.settled(stack)).status == "ROLLBACK_COMPLETE"
            assert cloud.things.existing["a"]["Tags"] == [{"Key": "team", "Value": "blue"}]
        await cloud.ros.stacks.update(stack.id, make_request(text, tags={"team": "red"}))
        assert (await cloud.settled(stack)).status == "UPDATE_COMPLETE"
        assert cloud.things.existing["a"]["Tags"] == [{"Key": "team", "Value": "red"}]

    asyncio.run(scenario())


def test_a_resource_of_an_update_that_went_back_has_its_old_policy_and_order(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        first = make_template(A={}, B={"DependsOn": "A"}, C={"Size": 1})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(first)))
        second = make_template(
            A={"DependsOn": "B", "DeletionPolicy": "Retain"}, B={}, C={"DependsOn": "A", "Size": 2, "Fail": "update"}
        )
        await cloud.ros.stacks.update(stack.id, make_request(second))
        stack = await cloud.settled(stack)
        assert stack.status == "ROLLBACK_COMPLETE"
        cloud.things.log.clear()
        cloud.ros.stacks.delete(stack.id, cloud.caller)
        await cloud.settled(stack)
        assert cloud.things.log.index("delete b") < cloud.things.log.index("delete a")
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_a_change_set_of_a_stack_that_was_created_without_it_is_refused(
    cloud: Any, make_template: Template, make_request: MakeRequest
) -> None:
    async def scenario() -> None:
        wanted = make_request(make_template(A={}))
        made = await cloud.ros.change_sets.create("first", "CREATE", None, "one", wanted, "")
        stack = await cloud.settled(await cloud.ros.stacks.create("one", wanted))
        assert stack.status == "CREATE_COMPLETE"
        with pytest.raises(RosError, match="CREATE_COMPLETE"):
            await cloud.ros.change_sets.execute(made, wanted)

    asyncio.run(scenario())
