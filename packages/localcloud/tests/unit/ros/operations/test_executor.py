"""The life of a stack, seen from outside: resources that exist, statuses, reasons and events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ros.errors import RosError
from localcloud.ros.operations.requests import Request


def test_a_stack_is_created_in_order_with_outputs_and_events(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(B={"After": {"Fn::GetAtt": ["A", "Upper"]}}, A={"Size": 3}).replace(
            '"Resources"', '"Outputs": {"Where": {"Value": {"Ref": "A"}}}, "Resources"'
        )
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        assert (stack.status, stack.reason) == ("CREATE_COMPLETE", "Stack CREATE completed successfully")
        assert stack.outputs == {"Where": "a"}
        assert cloud.things.existing == {"a": {"Name": "a", "Size": 3}, "b": {"Name": "b", "After": "A"}}
        assert [(event.logical_id, event.status) for event in stack.events] == [
            ("one", "CREATE_IN_PROGRESS"),
            ("A", "CREATE_IN_PROGRESS"),
            ("A", "CREATE_COMPLETE"),
            ("B", "CREATE_IN_PROGRESS"),
            ("B", "CREATE_COMPLETE"),
            ("one", "CREATE_COMPLETE"),
        ]

    asyncio.run(scenario())


def test_a_failure_takes_everything_back_and_says_why(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={}, B={"DependsOn": "A", "Fail": "create"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert stack.reason == "Resource CREATE failed: resources.B: cannot create"
        assert cloud.things.existing == {}
        assert cloud.things.log == ["create a", "create b", "delete a"]

    asyncio.run(scenario())


def test_what_a_failed_creation_left_is_deleted(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(make_template(A={"Fail": "create", "Leave": True})))
        )
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_without_rollback_everything_stays_and_an_update_can_mend_it(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        broken = make_template(A={}, B={"DependsOn": "A", "Fail": "create"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(broken, disable_rollback=True)))
        assert stack.status == "CREATE_FAILED"
        assert set(cloud.things.existing) == {"a"}
        mended = make_request(make_template(A={}, B={"DependsOn": "A"}))
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, mended))
        assert stack.status == "UPDATE_COMPLETE"
        assert set(cloud.things.existing) == {"a", "b"}

    asyncio.run(scenario())


def test_a_thing_that_was_there_before_is_not_taken_over_nor_deleted(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        cloud.things.existing["a"] = {"Name": "a"}
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}))))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "a exists already" in stack.reason
        assert cloud.things.existing == {"a": {"Name": "a"}}

    asyncio.run(scenario())


def test_an_update_adds_changes_replaces_and_removes_by_difference(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        first = make_template(Same={}, Changed={"Size": 1}, Replaced={"Name": "old"}, Dropped={})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(first)))
        cloud.things.log.clear()
        second = make_template(Same={}, Changed={"Size": 2}, Replaced={"Name": "new"}, Added={})
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, make_request(second, replacement=True)))
        assert stack.status == "UPDATE_COMPLETE"
        assert set(cloud.things.existing) == {"same", "changed", "new", "added"}
        assert sorted(cloud.things.log) == [
            "create added",
            "create new",
            "delete dropped",
            "delete old",
            "update changed",
        ]
        assert set(stack.resources) == {"Same", "Changed", "Replaced", "Added"}

    asyncio.run(scenario())


def test_a_replacement_that_was_not_asked_for_is_refused(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}))))
        stack = await cloud.settled(
            await cloud.ros.stacks.update(stack.id, make_request(make_template(A={"Name": "other"})))
        )
        assert stack.status == "ROLLBACK_COMPLETE"
        assert "the change of Name needs a new Test::Thing, and ReplacementOption is Disabled" in stack.reason
        assert set(cloud.things.existing) == {"a"}

    asyncio.run(scenario())


def test_a_failed_update_brings_everything_back(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        first = make_template(Changed={"Size": 1}, Replaced={"Name": "old"}, Dropped={})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(first)))
        before = dict(cloud.things.existing)
        order = ["Changed", "Replaced", "Added"]
        second = make_template(
            Changed={"Size": 2}, Replaced={"Name": "new"}, Added={}, Bad={"Fail": "create", "DependsOn": order}
        )
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, make_request(second, replacement=True)))
        assert stack.status == "ROLLBACK_COMPLETE"
        assert stack.reason == "Resource CREATE failed: resources.Bad: cannot create"
        assert cloud.things.existing == before
        assert set(stack.resources) == {"Changed", "Replaced", "Dropped"}
        with pytest.raises(RosError, match="Update the completely same stack"):
            await cloud.ros.stacks.update(stack.id, make_request(first))

    asyncio.run(scenario())


def test_the_same_template_again_is_refused_as_the_cli_expects(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}))))
        with pytest.raises(RosError) as refused:
            await cloud.ros.stacks.update(stack.id, make_request(make_template(A={})))
        assert refused.value.code == "NotSupported"
        assert refused.value.message.startswith("Update the completely same stack")

    asyncio.run(scenario())


def test_two_updates_within_a_second_have_different_times(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={"Size": 0}))))
        times = [stack.updated]
        for size in (1, 2):
            stack = await cloud.settled(
                await cloud.ros.stacks.update(stack.id, make_request(make_template(A={"Size": size})))
            )
            times.append(stack.updated)
        assert times[0] is None
        assert int(times[2]) > int(times[1])

    asyncio.run(scenario())


def test_deleting_goes_backwards_and_keeps_what_is_to_be_kept(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={}, B={"DependsOn": "A"}, Kept={"DeletionPolicy": "Retain"}, Told={})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        cloud.things.log.clear()
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=("Told",), retain_all=False)
        stack = await cloud.settled(stack)
        assert stack.status == "DELETE_COMPLETE"
        assert cloud.things.log == ["delete b", "delete a"]
        assert set(cloud.things.existing) == {"kept", "told"}
        assert (await cloud.ros.stacks.create("one", make_request(make_template(C={})))).id != stack.id

    asyncio.run(scenario())


def test_a_delete_that_fails_says_why_and_can_be_tried_again(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={}, B={"Fail": "delete", "DependsOn": "A"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)
        stack = await cloud.settled(stack)
        assert (stack.status, stack.reason) == ("DELETE_FAILED", "Resource DELETE failed: resources.B: cannot delete")
        assert set(cloud.things.existing) == {"a", "b"}
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=("B",), retain_all=False)
        stack = await cloud.settled(stack)
        assert stack.status == "DELETE_COMPLETE"
        assert set(cloud.things.existing) == {"b"}

    asyncio.run(scenario())


def test_a_delete_cuts_a_creation_short_and_leaves_nothing(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create(
            "one", make_request(make_template(A={}, B={"Hang": "create", "DependsOn": "A"}))
        )
        await cloud.things.hanging.wait()
        cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)
        stack = await cloud.settled(stack)
        assert stack.status == "DELETE_COMPLETE"
        assert cloud.things.existing == {}

    asyncio.run(scenario())


def test_what_a_stopped_process_was_creating_is_taken_back_by_the_next(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def stopped() -> None:
        await cloud.ros.stacks.create("one", make_request(make_template(A={}, B={"Hang": "create", "DependsOn": "A"})))
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def next_process() -> None:
        (stack,) = cloud.start().stacks.all()
        assert stack.status == "CREATE_IN_PROGRESS"
        cloud.ros.open()
        stack = await cloud.settled(stack)
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "the embedded cloud was stopped" in stack.reason
        assert cloud.things.existing == {}

    asyncio.run(stopped())
    assert set(cloud.things.existing) == {"a", "b"}
    asyncio.run(next_process())


@pytest.mark.parametrize("action", ["update", "delete"])
def test_an_operation_that_a_stop_interrupted_is_ended_by_the_next_process(
    action: str, cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def stopped() -> None:
        stack = await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(make_template(A={}, B={"Size": 1})))
        )
        changed = make_template(A={}, B={"Size": 2, "Hang": action})
        stack = await cloud.ros.stacks.update(stack.id, make_request(changed))
        if action == "delete":
            stack = await cloud.settled(stack)
            cloud.ros.stacks.delete(stack.id, cloud.caller, retain=(), retain_all=False)
        await cloud.things.hanging.wait()
        await cloud.ros.close()

    async def next_process() -> None:
        for thing in cloud.things.existing.values():
            thing.pop("Hang", None)
        (stack,) = cloud.start().stacks.all()
        assert stack.status.endswith("_IN_PROGRESS")
        if action == "delete":
            cloud.things._act = _at_once
        cloud.ros.open()
        stack = await cloud.settled(stack)
        if action == "delete":
            assert stack.status == "DELETE_COMPLETE"
            assert cloud.things.existing == {}
        else:
            assert stack.status == "ROLLBACK_COMPLETE"
            assert cloud.things.existing["b"] == {"Name": "b", "Size": 1}

    asyncio.run(stopped())
    asyncio.run(next_process())


async def _at_once(*_arguments: object) -> None:
    """Nothing hangs in the second process."""


def test_a_stack_that_works_is_not_updated(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.ros.stacks.create("one", make_request(make_template(A={"Hang": "create"})))
        await cloud.things.hanging.wait()
        with pytest.raises(RosError) as refused:
            await cloud.ros.stacks.update(stack.id, make_request(make_template(A={})))
        assert refused.value.code == "ActionInProgress"
        await cloud.ros.close()

    asyncio.run(scenario())


def test_a_repeated_request_with_the_same_token_is_not_done_again(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={})
        once = make_request(text, token="token-1", raw={"StackName": "one"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", once))
        assert (await cloud.ros.stacks.create("one", once)).id == stack.id
        with pytest.raises(RosError) as refused:
            await cloud.ros.stacks.create("two", make_request(text, token="token-1", raw={"StackName": "two"}))
        assert refused.value.code == "IdempotentParameterMismatch"

    asyncio.run(scenario())


def test_property_errors_are_the_reason_of_the_resource(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={"Sise": 1}))))
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "Sise" in stack.reason

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("Test::Thing", "ALIYUN::ECS::Instance"), "not implemented: ALIYUN::ECS::Instance"),
        (lambda text: text.replace('"Name": "a"', '"Name": {"Ref": "B"}'), "A -> B -> A"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_anything_is_made(
    change: Callable[[str], str],
    words: str,
    cloud: Any,
    make_template: Callable[..., str],
    make_request: Callable[..., Request],
) -> None:
    async def scenario() -> None:
        text = change(make_template(A={}, B={"After": {"Ref": "A"}}))
        with pytest.raises(RosError, match=words) as refused:
            await cloud.ros.stacks.create("one", make_request(text))
        assert refused.value.code == ("CircularDependency" if "->" in words else "StackValidationFailed")
        assert cloud.ros.stacks.all() == []

    asyncio.run(scenario())


def test_a_change_set_shows_what_it_would_do_and_does_it_once(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        stack = await cloud.settled(
            await cloud.ros.stacks.create("one", make_request(make_template(A={"Size": 1}, Gone={})))
        )
        wanted = make_request(make_template(A={"Size": 2}, New={"After": {"Fn::GetAtt": ["A", "Size"]}}))
        change_set = await cloud.ros.change_sets.create("changes", "UPDATE", stack, "", wanted, "")
        assert [(each.action, each.logical_id, each.properties) for each in change_set.changes] == [
            ("Modify", "A", ("Size",)),
            ("Add", "New", ()),
            ("Remove", "Gone", ()),
        ]
        assert set(cloud.things.existing) == {"a", "gone"}
        await cloud.ros.change_sets.execute(change_set, wanted)
        await cloud.settled(stack)
        assert set(cloud.things.existing) == {"a", "new"}
        with pytest.raises(RosError):
            await cloud.ros.change_sets.execute(cloud.ros.change_sets.get(change_set.id), wanted)

    asyncio.run(scenario())


def test_a_change_set_can_create_a_stack(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        wanted = make_request(make_template(A={}))
        change_set = await cloud.ros.change_sets.create("first", "CREATE", None, "one", wanted, "")
        stack = cloud.ros.stacks.get(change_set.stack_id)
        assert stack.status == "REVIEW_IN_PROGRESS"
        await cloud.ros.change_sets.execute(change_set, wanted)
        assert (await cloud.settled(stack)).status == "CREATE_COMPLETE"

    asyncio.run(scenario())


def test_creations_that_a_failure_interrupted_are_done_by_the_next_update(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        broken = make_template(A={"Hang": "create"}, B={"Fail": "create"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(broken, disable_rollback=True)))
        assert stack.status == "CREATE_FAILED"
        assert {each.status for each in stack.resources.values()} == {"CREATE_FAILED"}
        mended = make_request(make_template(A={}, B={}))
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, mended))
        assert (stack.status, stack.reason) == ("UPDATE_COMPLETE", "Stack UPDATE completed successfully")
        assert set(cloud.things.existing) == {"a", "b"}

    asyncio.run(scenario())


def test_an_update_that_fails_again_leaves_what_was_never_made_as_it_was(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        broken = make_request(make_template(A={"Fail": "create"}), disable_rollback=True)
        stack = await cloud.settled(await cloud.ros.stacks.create("one", broken))
        again = make_request(make_template(A={"Fail": "create", "Size": 1}), disable_rollback=False)
        stack = await cloud.settled(await cloud.ros.stacks.update(stack.id, again))
        assert stack.status == "ROLLBACK_COMPLETE"
        assert cloud.things.log == ["create a", "create a"]

    asyncio.run(scenario())


def test_a_deletion_that_a_failure_interrupted_is_not_in_progress_any_more(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={"Hang": "delete"}, B={"Fail": "delete"})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text)))
        cloud.ros.stacks.delete(stack.id, cloud.caller)
        stack = await cloud.settled(stack)
        assert stack.status == "DELETE_FAILED"
        assert {each.status for each in stack.resources.values()} == {"DELETE_FAILED"}

    asyncio.run(scenario())


def test_stacks_of_one_name_that_are_created_at_once_are_one(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        request = make_request(make_template(A={}))
        done = await asyncio.gather(
            *(cloud.ros.stacks.create("one", request) for _ in range(5)), return_exceptions=True
        )
        refused = [each for each in done if isinstance(each, RosError)]
        assert [each.code for each in refused] == ["StackExists"] * 4

    asyncio.run(scenario())


def test_a_stack_keeps_its_newest_events(
    cloud: Any,
    make_template: Callable[..., str],
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("localcloud.ros.operations.operation.MAX_EVENTS", 5)

    async def scenario() -> None:
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(make_template(A={}, B={}))))
        assert [each.logical_id for each in stack.events].count("one") == 1  # how it began is the oldest
        assert (len(stack.events), stack.events[-1].status) == (5, "CREATE_COMPLETE")

    asyncio.run(scenario())


def test_resources_get_the_tags_of_a_request_and_not_those_that_a_stack_got_otherwise(
    cloud: Any, make_template: Callable[..., str], make_request: Callable[..., Request]
) -> None:
    async def scenario() -> None:
        text = make_template(A={})
        stack = await cloud.settled(await cloud.ros.stacks.create("one", make_request(text, tags={"team": "blue"})))
        cloud.ros.labels.tag([stack], lambda tags: {**tags, "mine": "1"})
        await cloud.ros.stacks.update(stack.id, make_request(make_template(A={"Size": 1})))
        stack = await cloud.settled(stack)
        assert stack.tags == {"team": "blue", "mine": "1"}
        assert cloud.things.existing["a"] == {"Name": "a", "Size": 1, "Tags": [{"Key": "team", "Value": "blue"}]}
        again = cloud.start().stacks.get(stack.id)
        assert again.source.tags == {"team": "blue"}

    asyncio.run(scenario())
