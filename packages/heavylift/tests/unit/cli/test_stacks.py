"""Operations on stacks, with a simulated ROS behind the official client's calls."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException

from heavylift.clouds.invocation import FunctionName, find_function, parse_arn
from heavylift.clouds.ros import (
    MAX_ENCODED,
    Event,
    NoChangesError,
    Ros,
    StackDefinition,
    StackNotFoundError,
    encode_template,
)
from heavylift.clouds.stacks import Stacks, asset_buckets, with_buckets
from heavylift.errors import HeavyliftError

DEFINITION = StackDefinition(
    template="{}", parameters={"Size": "1"}, tags={"a": "b"}, timeout=10, rollback=True, replace=False
)
STACK, BUCKET = "ALIYUN::ROS::Stack", "ALIYUN::OSS::Bucket"


def refusal(code: str, message: str) -> ClientException:
    return ClientException(status_code=400, code=code, message=message, data={"Message": message}, request_id="R")


@dataclass
class Simulator:
    """Answers as the client does; each look at the events lets the next step happen."""

    stacks: list[Any] = field(default_factory=list)
    happened: list[Any] = field(default_factory=list)
    steps: list[tuple[str, str, str, str, str]] = field(
        default_factory=list
    )  # logical id, type, status, reason, stack's
    refusals: list[Exception] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    template: str = "{}"

    def __getattr__(self, name: str) -> Any:
        if not name.endswith("_with_options"):
            raise AttributeError(name)
        action = name.removesuffix("_with_options")

        def call(request: Any, _runtime: Any) -> Any:
            self.calls.append((action, request))
            if self.refusals:
                raise self.refusals.pop(0)
            return SimpleNamespace(body=getattr(self, f"answer_{action}")(request))

        return call

    def answer_list_stacks(self, request: Any) -> Any:
        found = [each for each in self.stacks if not request.stack_name or each.stack_name in request.stack_name]
        first = (request.page_number - 1) * request.page_size
        return SimpleNamespace(stacks=found[first : first + request.page_size], total_count=len(found))

    def answer_get_stack(self, request: Any) -> Any:
        return next(each for each in self.stacks if each.stack_id == request.stack_id)

    def answer_create_stack(self, request: Any) -> Any:
        self.add(request.stack_name, "CREATE_IN_PROGRESS")
        return self.stacks[-1]

    def answer_update_stack(self, request: Any) -> Any:
        return request

    def answer_delete_stack(self, request: Any) -> Any:
        return request

    def answer_list_stack_events(self, request: Any) -> Any:
        if self.steps:
            logical_id, kind, status, reason, whole = self.steps.pop(0)
            event = SimpleNamespace(
                event_id=str(len(self.happened)),
                create_time="2026-01-31T12:00:00",
                logical_resource_id=logical_id,
                resource_type=kind,
                physical_resource_id="",
                status=status,
                status_reason=reason,
            )
            self.happened.insert(0, event)
            self.stacks[-1].status = whole
        first = (request.page_number - 1) * request.page_size
        return SimpleNamespace(events=self.happened[first : first + request.page_size], total_count=len(self.happened))

    def answer_get_template(self, _request: Any) -> Any:
        return SimpleNamespace(template_body=self.template)

    def answer_list_stack_resources(self, _request: Any) -> Any:
        kinds = {"One": "ALIYUN::FC::Function", "Two": "ALIYUN::FC3::Function", "Bucket": BUCKET}
        return SimpleNamespace(
            resources=[
                SimpleNamespace(
                    logical_resource_id=name,
                    resource_type=kind,
                    physical_resource_id="",
                    status="CREATE_COMPLETE",
                    status_reason="",
                )
                for name, kind in kinds.items()
            ]
        )

    def answer_get_stack_resource(self, request: Any) -> Any:
        pairs = {"FunctionName": request.logical_resource_id.lower(), "ServiceName": "service"}
        return SimpleNamespace(
            resource_attributes=[
                {"ResourceAttributeKey": key, "ResourceAttributeValue": value} for key, value in pairs.items()
            ]
        )

    def add(self, name: str, status: str, **more: Any) -> Any:
        stack = SimpleNamespace(
            stack_id=f"id-{len(self.stacks)}",
            stack_name=name,
            status=status,
            status_reason="",
            create_time="2026-01-31T12:00:00",
            update_time=None,
            outputs=None,
            tags=None,
        )
        vars(stack).update(more)
        self.stacks.append(stack)
        return stack

    def ros(self) -> Ros:
        return Ros(self, "cn-hangzhou", tries=8, sleep=self.slept.append)

    def run(self) -> tuple[Stacks, list[Event]]:
        seen: list[Event] = []
        return Stacks(self.ros(), seen.append, interval=1, sleep=lambda _seconds: None), seen


def test_create_follows_every_event_to_the_end() -> None:
    cloud = Simulator()
    cloud.steps = [
        ("web", STACK, "CREATE_IN_PROGRESS", "", "CREATE_IN_PROGRESS"),
        ("Bucket", BUCKET, "CREATE_COMPLETE", "", "CREATE_IN_PROGRESS"),
        ("web", STACK, "CREATE_COMPLETE", "", "CREATE_COMPLETE"),
    ]
    stacks, seen = cloud.run()
    deployed = stacks.deploy("web", DEFINITION)
    assert (deployed.change, deployed.stack.status) == ("created", "CREATE_COMPLETE")
    assert [event.status for event in seen] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_COMPLETE"]
    request = next(request for action, request in cloud.calls if action == "create_stack")
    assert base64.b64decode(request.template_body.removeprefix("@Base64Encoded: ")) == b"{}"
    assert (request.parameters[0].parameter_key, request.parameters[0].parameter_value) == ("Size", "1")
    assert (request.tags[0].key, request.timeout_in_minutes, request.disable_rollback) == ("a", 10, False)
    assert request.client_token


def test_the_first_failure_of_a_resource_is_the_cause() -> None:
    cloud = Simulator()
    cloud.steps = [
        ("Bucket", BUCKET, "CREATE_FAILED", "the name is taken", "CREATE_IN_PROGRESS"),
        ("Other", BUCKET, "CREATE_FAILED", "cancelled", "CREATE_FAILED"),
        ("web", STACK, "CREATE_FAILED", "Resource Bucket failed", "CREATE_FAILED"),
        ("web", STACK, "CREATE_ROLLBACK_COMPLETE", "", "CREATE_ROLLBACK_COMPLETE"),
    ]
    stacks, seen = cloud.run()
    with pytest.raises(HeavyliftError) as caught:
        stacks.deploy("web", DEFINITION)
    assert str(caught.value) == (
        "stack web was not created (CREATE_ROLLBACK_COMPLETE), because Bucket (ALIYUN::OSS::Bucket) failed: the name is taken"
    )
    assert len(seen) == 4  # also what came after the failure


def test_an_update_waits_for_its_own_events() -> None:
    cloud = Simulator()
    cloud.add("web", "CREATE_COMPLETE")
    cloud.steps = [("web", STACK, "CREATE_COMPLETE", "", "CREATE_COMPLETE")]
    list(cloud.ros().events("id-0"))  # what happened before
    cloud.steps = [
        # The first look, before the update, and one right after it: nothing new yet.
        ("web", STACK, "UPDATE_IN_PROGRESS", "", "UPDATE_IN_PROGRESS"),
        ("web", STACK, "UPDATE_COMPLETE", "", "UPDATE_COMPLETE"),
    ]
    stacks, seen = cloud.run()
    assert stacks.deploy("web", DEFINITION).change == "updated"
    assert [event.status for event in seen] == ["UPDATE_COMPLETE"]


def test_an_update_without_changes_is_no_failure() -> None:
    cloud = Simulator()
    cloud.add("web", "CREATE_COMPLETE", outputs=[{"OutputKey": "Bucket", "OutputValue": "b"}])
    stacks, _ = cloud.run()
    cloud.answer_update_stack = raising(refusal("NotSupported", "Update the completely same stack is not supported."))  # type: ignore[method-assign]
    deployed = stacks.deploy("web", DEFINITION)
    assert (deployed.change, deployed.stack.outputs) == ("unchanged", {"Bucket": "b"})


def raising(error: Exception) -> Any:
    def answer(_request: Any) -> Any:
        raise error

    return answer


def test_another_not_supported_is_a_failure() -> None:
    cloud = Simulator()
    cloud.refusals = [refusal("NotSupported", "The stack cannot be updated.")]
    with pytest.raises(
        HeavyliftError, match=r"ROS refused UpdateStack: NotSupported: The stack cannot be updated\."
    ) as caught:
        cloud.ros().update("id", DEFINITION)
    assert not isinstance(caught.value, NoChangesError)


def test_a_stack_that_was_rolled_back_is_made_anew() -> None:
    cloud = Simulator()
    cloud.add("web", "CREATE_ROLLBACK_COMPLETE")
    cloud.answer_delete_stack = lambda _request: setattr(cloud.stacks[0], "status", "DELETE_COMPLETE")  # type: ignore[method-assign, assignment]
    cloud.answer_create_stack = lambda request: cloud.add(request.stack_name, "CREATE_COMPLETE")  # type: ignore[method-assign]
    stacks, _ = cloud.run()
    assert stacks.deploy("web", DEFINITION).change == "created"
    assert [action for action, _ in cloud.calls if action.endswith("_stack")][:3] == [
        "get_stack",
        "delete_stack",
        "get_stack",
    ]


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"])
def test_a_busy_stack_is_left_alone(status: str) -> None:
    cloud = Simulator()
    cloud.add("web", status)
    stacks, _ = cloud.run()
    with pytest.raises(HeavyliftError, match=f"stack web is {status}: another operation is going on"):
        stacks.deploy("web", DEFINITION)
    assert {action for action, _ in cloud.calls} == {"list_stacks", "get_stack"}


def test_an_unknown_stack_is_named() -> None:
    with pytest.raises(StackNotFoundError, match="there is no stack 'web' in cn-hangzhou"):
        Simulator().ros().find("web")


def test_deleted_stacks_do_not_exist() -> None:
    cloud = Simulator()
    cloud.add("web", "DELETE_COMPLETE")
    assert list(cloud.ros().stacks()) == []


def test_every_page_is_read() -> None:
    cloud = Simulator()
    for number in range(120):
        cloud.add(f"s{number}", "CREATE_COMPLETE")
    assert len(list(cloud.ros().stacks())) == 120


@pytest.mark.parametrize(
    "error",
    [
        ThrottlingException(status_code=429, code="Throttling.User", message="", data={}),
        refusal("Throttling.API", "slow down"),
        refusal("LastTokenProcessing", "the last request is being processed"),
        ServerException(status_code=503, code="ServiceUnavailable", message="", data={}),
    ],
)
def test_what_may_pass_is_tried_again_with_the_same_token(error: Exception) -> None:
    cloud = Simulator()
    cloud.refusals = [error, error]
    cloud.ros().create("web", DEFINITION)
    requests = [request for action, request in cloud.calls if action == "create_stack"]
    assert len({request.client_token for request in requests}) == 1
    assert len(requests) == 3
    assert cloud.slept == [0.5, 1.0]


def test_trying_ends() -> None:
    cloud = Simulator()
    cloud.refusals = [refusal("Throttling.User", "slow down")] * 100
    with pytest.raises(HeavyliftError, match=r"ROS refused CreateStack: Throttling\.User: slow down"):
        cloud.ros().create("web", DEFINITION)
    assert len(cloud.calls) == 8
    assert max(cloud.slept) == 20.0


def test_other_refusals_are_final() -> None:
    cloud = Simulator()
    cloud.refusals = [refusal("StackExists", "The stack web exists.")]
    with pytest.raises(
        HeavyliftError, match=r"ROS refused CreateStack: StackExists: The stack web exists\. \(request R\)"
    ):
        cloud.ros().create("web", DEFINITION)
    assert cloud.slept == []


def test_a_template_too_long_for_base64_goes_as_it_is() -> None:
    assert encode_template("a" * MAX_ENCODED) == "a" * MAX_ENCODED
    assert encode_template("a" * (MAX_ENCODED - 1)).startswith("@Base64Encoded: YWFh")


def test_the_asset_buckets_of_a_stack_are_remembered_in_its_tags() -> None:
    cloud = Simulator()
    tags = with_buckets({"team": "a"}, ["one", "two"])
    cloud.add("web", "CREATE_COMPLETE", tags=[SimpleNamespace(key=key, value=value) for key, value in tags.items()])
    assert asset_buckets(cloud.ros().find("web")) == ["one", "two"]
    assert with_buckets({"team": "a"}, []) == {"team": "a"}


def test_arns() -> None:
    assert parse_arn("acs:fc:cn-hangzhou:1:services/s.LATEST/functions/f") == FunctionName(service="s", name="f")
    assert parse_arn("acs:fc:cn-hangzhou:1:services/s/functions/f") == FunctionName(service="s", name="f")
    assert parse_arn("acs:fc:cn-hangzhou:1:functions/f") == FunctionName(service=None, name="f")
    assert parse_arn("acs:oss:cn-hangzhou:1:bucket") is None


def test_the_function_of_a_stack() -> None:
    cloud = Simulator()
    cloud.add("web", "CREATE_COMPLETE", outputs=[{"OutputKey": "Arn", "OutputValue": "acs:fc:r:1:functions/f"}])
    cloud.add("two", "CREATE_COMPLETE")
    ros = cloud.ros()
    assert find_function(ros, ros.find("web"), None) == FunctionName(service=None, name="f")
    assert find_function(ros, ros.find("two"), "One") == FunctionName(service="service", name="one")
    assert find_function(ros, ros.find("two"), "two") == FunctionName(service=None, name="two")
    with pytest.raises(
        HeavyliftError, match="2 functions: say which one is meant, with --function One or --function Two"
    ):
        find_function(ros, ros.find("two"), None)
    with pytest.raises(HeavyliftError, match="stack two has no function 'Three': say --function One or --function Two"):
        find_function(ros, ros.find("two"), "Three")


def test_a_function_that_serves_custom_resources_is_not_the_one_that_is_meant() -> None:
    token = {"ServiceToken": {"Fn::GetAtt": ["Two", "ARN"]}}
    resources = {"Archives": {"Type": "ALIYUN::ROS::CustomResource", "Properties": token}}
    cloud = Simulator(template=json.dumps({"Resources": resources}))
    cloud.add("web", "CREATE_COMPLETE")
    ros = cloud.ros()
    assert find_function(ros, ros.find("web"), None) == FunctionName(service="service", name="one")
    assert find_function(ros, ros.find("web"), "Two") == FunctionName(service=None, name="two")
    with pytest.raises(HeavyliftError, match=r"has no function 'Three': say --function One$"):
        find_function(ros, ros.find("web"), "Three")


def test_who_does_not_wait_for_the_end_is_told_that_what_has_begun_goes_on() -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    cloud = Simulator()
    cloud.steps = [("web", STACK, "CREATE_IN_PROGRESS", "", "CREATE_IN_PROGRESS")]
    stacks = Stacks(cloud.ros(), lambda _event: None, interval=1, sleep=interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^what ROS has begun goes on: see `heavylift status web`$"):
        stacks.deploy("web", DEFINITION)
