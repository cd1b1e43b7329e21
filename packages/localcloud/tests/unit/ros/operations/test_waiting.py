"""Wait conditions and sleep: a stack waits for signals, or for nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ros.errors import ResourceError, RosError
from localcloud.ros.model import Handle, Signal, Stack
from localcloud.ros.operations.requests import Request
from localcloud.ros.resources.provider import Context

Make = Callable[..., Request]


def waiting(handle: dict[str, Any] | None = None, **properties: Any) -> str:
    condition = {"Handle": {"Ref": "Handle"}, "Timeout": 60, **properties}
    return json.dumps(
        {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Resources": {
                "Handle": {"Type": "ALIYUN::ROS::WaitConditionHandle", "Properties": handle or {}},
                "Wait": {"Type": "ALIYUN::ROS::WaitCondition", "Properties": condition},
            },
            "Outputs": {name: {"Value": {"Fn::GetAtt": ["Wait", name]}} for name in ("Data", "ErrorData")},
        }
    )


async def begun(cloud: Any, stack: Stack) -> Handle:
    """Return the handle once the stack waits for its signals."""
    while (current := cloud.ros.stacks.get(stack.id)).resources.keys() < {"Handle", "Wait"}:
        assert current.busy, current.reason
        await asyncio.sleep(0)
    return cloud.ros.signals.find(current.resources["Handle"].physical_id)  # type: ignore[no-any-return]


def test_it_waits_for_as_many_signals_as_it_counts_and_tells_their_data(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create("one", make_request(waiting(Count=2)))
        handle = await begun(cloud, stack)
        assert cloud.ros.signals.receive(handle, {"status": "SUCCESS", "data": "first"}) == "1"
        handle = cloud.ros.signals.find(handle.id)
        assert cloud.ros.signals.receive(handle, {"id": "last", "data": {"a": 1}}) == "last"
        stack = await cloud.settled(stack)
        assert stack.status == "CREATE_COMPLETE", stack.reason
        assert json.loads(stack.outputs["Data"]) == {"1": "first", "last": {"a": 1}}
        cloud.ros.stacks.delete(stack.id, stack.caller)
        await cloud.settled(stack)
        assert cloud.ros.signals.find(handle.id) is None

    asyncio.run(scenario())


def test_a_failure_that_is_signalled_is_the_reason(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create("one", make_request(waiting()))
        handle = await begun(cloud, stack)
        cloud.ros.signals.receive(handle, {"status": "FAILURE", "reason": "disk full"})
        stack = await cloud.settled(stack)
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "WaitConditionFailure: disk full" in stack.reason

    asyncio.run(scenario())


def test_no_signal_in_time_is_the_reason(cloud: Any) -> None:
    handle = cloud.ros.signals.create("h")
    condition = cloud.ros.types["ALIYUN::ROS::WaitCondition"]
    context = Context(
        stack_id="s", stack_name="s", logical_id="W", type="", region="cn-hangzhou", account_id="1", timeout=60.0
    )
    with pytest.raises(ResourceError, match="WaitConditionTimeout: 0 of 3 received"):
        asyncio.run(condition.create(context, {"Handle": handle.id, "Timeout": 0.001, "Count": 3}))


def test_an_update_waits_for_more_and_forgets_what_it_is_told_to(cloud: Any, make_request: Make) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create("one", make_request(waiting(Count=2)))
        handle = await begun(cloud, stack)
        for _ in range(2):
            cloud.ros.signals.receive(cloud.ros.signals.find(handle.id), {})
        await cloud.settled(stack)
        more = waiting({"Mode": "Full", "Count": 1}, Count=2.0, Timeout=60)
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, make_request(more)))
        assert list(cloud.ros.signals.find(handle.id).signals) == ["1"]
        more = waiting({"Mode": "Increment"}, Count=1)
        updating = await cloud.ros.stacks.update(stack.id, make_request(more))
        while cloud.ros.stacks.get(stack.id).resources["Wait"].status != "UPDATE_IN_PROGRESS":
            await asyncio.sleep(0)
        assert cloud.ros.signals.find(handle.id).signals == {}
        cloud.ros.signals.receive(cloud.ros.signals.find(handle.id), {"data": "new"})
        stack = await cloud.settled(updating)
        assert stack.status == "UPDATE_COMPLETE", stack.reason
        assert json.loads(stack.outputs["Data"]) == {"1": "new"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "record", [{"status": "DONE"}, {"state": "SUCCESS"}, {"id": "x" * 256}], ids=["status", "key", "id"]
)
def test_what_is_no_signal_is_refused(cloud: Any, record: dict[str, Any]) -> None:
    with pytest.raises(RosError):
        cloud.ros.signals.receive(cloud.ros.signals.create("h"), record)


def test_a_handle_takes_a_thousand_signals_and_survives_a_kill(cloud: Any) -> None:
    signals = cloud.ros.signals
    handle = signals.create("h")
    many = {str(number): Signal(succeeded=True) for number in range(1, 1001)}
    signals._store.save_handle(Handle(id="h", secret=handle.secret, signals=many))
    with pytest.raises(RosError, match="as many as allowed"):
        signals.receive(signals.find("h"), {})
    again = cloud.start().signals.find("h")
    assert (again.secret, len(again.signals)) == (handle.secret, 1000)


def test_sleep_sleeps_when_it_is_created_and_when_its_triggers_change(cloud: Any, make_request: Make) -> None:
    def sleeping(**properties: Any) -> Request:
        resources = {"Nap": {"Type": "ALIYUN::ROS::Sleep", "Properties": properties}}
        return make_request(json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources}))

    async def scenario() -> None:
        begin = asyncio.get_running_loop().time()
        given = {"CreateDuration": 0.02, "UpdateDuration": 1800, "DeleteDuration": 0}
        stack = await cloud.settled(await cloud.ros.stacks.create("one", sleeping(**given)))
        assert stack.status == "CREATE_COMPLETE", stack.reason
        assert asyncio.get_running_loop().time() - begin >= 0.02
        stack = await cloud.settled(
            await cloud.ros.stacks.update(stack.id, sleeping(**given, UpdateRollbackDuration=1))
        )
        assert stack.status == "UPDATE_COMPLETE", stack.reason
        request = sleeping(**{**given, "UpdateDuration": 0.02}, Triggers={"a": 1})
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, request))
        assert stack.status == "UPDATE_COMPLETE", stack.reason

    asyncio.run(scenario())
