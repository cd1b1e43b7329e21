"""Minimum instances, limits of concurrency, asynchronous invocations and their tasks, tags, and the switch of invocations."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fc2
import pytest
from alibabacloud_fc20230330 import models as models3
from darabonba.runtime import RuntimeOptions

from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
Event = Callable[..., bytes]


@pytest.fixture
def fc3(cloud: Running, client_of: Callable[..., Any]) -> Any:
    return client_of(cloud, "fc3")


def test_minimum_instances_are_started_ahead_and_have_run_their_initializer(
    cloud: Running, fc3: Any, code: bytes, make_event: Event, instances_of: Callable[[Running], list[dict[str, Any]]]
) -> None:
    fc3.create("f", code=code, initializer="index.initializer")
    name = fc3.prefix + "f"

    def running() -> list[dict[str, Any]]:
        return [each for each in instances_of(cloud) if each["function"] == f"functions/{name}" and each["initialized"]]

    body = models3.PutProvisionConfigInput(default_target=2)
    put = fc3.client.put_provision_config(name, models3.PutProvisionConfigRequest(body=body)).body
    assert put.target == 2
    wait_for(lambda: len(running()) == 2)
    got = fc3.client.get_provision_config(name, models3.GetProvisionConfigRequest()).body
    assert (got.target, got.current, got.current_error) == (2, 2, "")
    request = models3.ListProvisionConfigsRequest(function_name=name)
    assert [each.target for each in fc3.client.list_provision_configs(request).body.provision_configs] == [2]
    before = {each["id"] for each in running()}
    answer = fc3.invoke("f", make_event("state"))
    assert answer.json["initializer"] == 1
    assert "FC Initialize Start" not in answer.log
    listed = fc3.client.list_instances(name, models3.ListInstancesRequest()).body.instances
    assert {each.instance_id for each in listed} == before
    assert all(abs(each.created_time_ms / 1000 - time.time()) < 600 for each in listed)
    fc3.update("f", description="new instances")
    wait_for(lambda: len(running()) == 2 and not before & {each["id"] for each in running()})
    fc3.client.delete_provision_config(name, models3.DeleteProvisionConfigRequest())
    assert fc3.client.get_provision_config(name, models3.GetProvisionConfigRequest()).body.target == 0


def test_an_instance_counts_when_it_has_run_its_initializer(fc3: Any, code: bytes, make_event: Event) -> None:
    fc3.create("f", code=code, initializer="index.initializer", environmentVariables={"INIT": "1"})
    name = fc3.prefix + "f"
    provision(fc3, name, defaultTarget=1)
    wait_for(lambda: fc3.client.get_provision_config(name, models3.GetProvisionConfigRequest()).body.current == 1)
    assert "FC Initialize Start" not in fc3.invoke("f", make_event("state")).log
    provision(fc3, name, defaultTarget=0)


BETWEEN = """
import threading, time

def work():
    time.sleep(0.3)
    print("between requests", flush=True)
    if limit:
        kept = b"x" * (limit << 20)
        time.sleep(60)

def initialize(context):
    pass

def handler(event, context):
    global limit
    limit = int(event)
    threading.Thread(target=work, daemon=True).start()
    return "begun"
"""


def provision(fc3: Any, name: str, **members: Any) -> Any:
    body = models3.PutProvisionConfigInput().from_map(members)
    return fc3.client.put_provision_config(name, models3.PutProvisionConfigRequest(body=body)).body


def test_minimum_instances_go_on_between_requests_unless_they_are_told_not_to(
    cloud: Running, fc3: Any, zip_of: Callable[[Mapping[str, str]], bytes], instances_of: Callable[[Running], Any]
) -> None:
    fc3.create("f", code=zip_of({"index.py": BETWEEN}), memorySize=256, initializer="index.initialize")
    name = fc3.prefix + "f"
    log = cloud.data / "fc" / "logs" / f"functions.{name}.log"

    def states() -> list[str]:
        own = [each for each in instances_of(cloud) if each["function"] == f"functions/{name}"]
        return [each["state"] for each in own if each["initialized"]]

    assert provision(fc3, name, defaultTarget=1).always_allocate_cpu is True
    wait_for(lambda: states() == ["running"])
    assert fc3.invoke("f", b"0").body == b"begun"
    wait_for(lambda: "between requests" in log.read_text())
    assert states() == ["running"]
    provision(fc3, name, defaultTarget=1, alwaysAllocateCPU=False)
    wait_for(lambda: states() == ["frozen"])
    provision(fc3, name, defaultTarget=1, alwaysAllocateCPU=True)
    wait_for(lambda: states() == ["running"])
    (kept,) = [each["id"] for each in instances_of(cloud) if each["function"] == f"functions/{name}"]
    # One that takes more than its limit is ended between requests, too, and another one takes its place.
    assert fc3.invoke("f", b"400").headers["x-fc-instance-id"] == kept
    wait_for(lambda: "FC Error: the instance is ended, because of its memory" in log.read_text())
    wait_for(lambda: states() == ["running"])
    provision(fc3, name, defaultTarget=0)


def test_whether_minimum_instances_go_on_says_nothing_of_how_long_others_were_idle(
    start_cloud: Callable[..., Running], tmp_path: Path, client_of: Callable[..., Any], code: bytes, make_event: Event,
    instances_of: Callable[[Running], Any],
) -> None:  # fmt: skip
    cloud = start_cloud(tmp_path / "data", "--fc-idle", "3")
    fc3 = client_of(cloud, "fc3")
    fc3.create("f", code=code)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: fc3.invoke("f", make_event("sleep", seconds=1.5)), range(2)))
    assert len(instances_of(cloud)) == 2
    turns = itertools.cycle((True, False))

    def one_is_left() -> bool:
        provision(fc3, fc3.prefix + "f", defaultTarget=1, alwaysAllocateCPU=next(turns))
        time.sleep(1.2)  # longer than it takes to be done, and shorter than an instance may be idle
        return len(instances_of(cloud)) == 1

    wait_for(one_is_left, 20)


def test_the_number_of_minimum_instances_follows_a_schedule(
    cloud: Running, fc3: Any, code: bytes, instances_of: Callable[[Running], Any], refused: Any
) -> None:
    fc3.create("f", code=code)
    name = fc3.prefix + "f"
    action = {"name": "up", "target": 2, "scheduleExpression": "at(2020-10-20T10:10:10Z)"}
    times = {"startTime": "2020-10-10T10:10:10Z", "endTime": "2999-10-10T10:10:10Z"}
    put = provision(fc3, name, defaultTarget=1, scheduledActions=[{**action, **times}])
    assert put.scheduled_actions[0].to_map().items() >= {**action, **times}.items()

    def got() -> tuple[int, int, int]:
        shown = fc3.client.get_provision_config(name, models3.GetProvisionConfigRequest()).body
        return shown.default_target, shown.target, shown.current

    wait_for(lambda: got() == (1, 2, 2))
    assert provision(fc3, name, defaultTarget=1, scheduledActions=[]).scheduled_actions == []
    assert got() == (1, 1, 1)
    for wrong, said in (
        ({**action, "scheduleExpression": "@every 5m"}, "The ScheduleExpression should be atTime or cron expression"),
        ({"name": "up", "target": 2}, "scheduledActions: scheduleExpression is missing"),
        ({**action, "target": 1000}, "the number of instances is 1000"),
    ):
        with pytest.raises(refused) as error:
            fc3._do(lambda wrong=wrong: provision(fc3, name, scheduledActions=[wrong]))
        assert error.value.code == "InvalidArgument"
        assert said in error.value.message
    provision(fc3, name, defaultTarget=0)
    body = models3.PutScalingConfigInput().from_map({"minInstances": 0, "scheduledPolicies": [action]})
    fc3.client.put_scaling_config(name, models3.PutScalingConfigRequest(body=body))
    shown = fc3.client.get_scaling_config(name, models3.GetScalingConfigRequest()).body
    assert (shown.min_instances, shown.target_instances) == (0, 2)
    fc3.client.delete_scaling_config(name, models3.DeleteScalingConfigRequest())


def test_minimum_instances_that_cannot_start_are_told(fc3: Any, code: bytes) -> None:
    fc3.create("f", code=code, initializer="index.initializer", environmentVariables={"INIT": "raise"})
    name = fc3.prefix + "f"
    body = models3.PutScalingConfigInput(min_instances=1)
    fc3.client.put_scaling_config(name, models3.PutScalingConfigRequest(body=body))

    def told() -> str:
        return str(fc3.client.get_scaling_config(name, models3.GetScalingConfigRequest()).body.current_error)

    wait_for(lambda: "cannot start" in told())
    fc3.client.delete_scaling_config(name, models3.DeleteScalingConfigRequest())


def test_requests_beyond_the_reserved_concurrency_are_throttled(
    fc3: Any, code: bytes, make_event: Event, refused: Any
) -> None:
    fc3.create("f", code=code, timeout=30)
    name = fc3.prefix + "f"
    body = models3.PutConcurrencyInput(reserved_concurrency=1)
    fc3.client.put_concurrency_config(name, models3.PutConcurrencyConfigRequest(body=body))
    fc3.invoke("f", make_event("state"))

    def throttled(event: bytes = make_event("state")) -> bool:
        try:
            fc3.invoke("f", event)
        except refused as error:
            return bool((error.status, error.code) == (429, "ResourceExhausted"))
        return False

    # The long one may itself come while a short one runs.
    thread = threading.Thread(target=wait_for, args=(lambda: not throttled(make_event("sleep", seconds=3)),))
    thread.start()
    wait_for(throttled)
    thread.join()
    listed = fc3.client.list_concurrency_configs(models3.ListConcurrencyConfigsRequest(function_name=name)).body.configs
    assert [each.reserved_concurrency for each in listed] == [1]
    fc3.client.delete_concurrency_config(name)
    with pytest.raises(refused) as gone:
        fc3._do(lambda: fc3.client.get_concurrency_config(name))
    assert gone.value.code == "OnDemandConfigNotFound"


def configure(fc3: Any, name: str, **members: Any) -> Any:
    body = models3.PutAsyncInvokeConfigInput().from_map(members)
    return fc3.client.put_async_invoke_config(name, models3.PutAsyncInvokeConfigRequest(body=body)).body


def task(fc3: Any, name: str, id_: str) -> Any:
    return fc3.client.get_async_task(name, id_, models3.GetAsyncTaskRequest()).body


def start(fc3: Any, name: str, payload: bytes, id_: str, **more: str) -> None:
    headers = models3.InvokeFunctionHeaders(
        x_fc_invocation_type="Async", x_fc_async_task_id=id_, common_headers={**more}
    )
    request = models3.InvokeFunctionRequest(body=payload)
    fc3._do(lambda: fc3.client.invoke_function_with_options(name, request, headers, RuntimeOptions()))


def test_results_of_asynchronous_invocations_go_to_their_destinations(
    cloud: Running, fc3: Any, code: bytes, zip_of: Callable[[Mapping[str, str]], bytes], make_event: Event
) -> None:
    kept = "def handler(event, context):\n    print('GOT', event.decode())\n"
    fc3.create("keeper", code=zip_of({"index.py": kept}))
    fc3.create("f", code=code)
    name, keeper = fc3.prefix + "f", fc3.prefix + "keeper"
    arn = f"acs:fc:{cloud.region}:{cloud.account_id}:functions/{keeper}"
    ends = {"onSuccess": {"destination": arn}, "onFailure": {"destination": arn}}
    put = configure(fc3, name, destinationConfig=ends, maxAsyncRetryAttempts=0, asyncTask=True)
    assert put.destination_config.on_failure.destination == arn
    start(fc3, name, make_event("echo", text="hello"), "good")
    start(fc3, name, make_event("raise"), "bad")
    log = cloud.data / "fc" / "logs" / f"functions.{keeper}.log"

    def results() -> dict[str, Any]:
        lines = log.read_text().splitlines() if log.exists() else []
        events = [json.loads(line[4:]) for line in lines if line.startswith("GOT ")]
        return {each["requestContext"]["condition"]: each for each in events}

    wait_for(lambda: set(results()) == {"", "UnhandledInvocationError"})
    good, bad = results()[""], results()["UnhandledInvocationError"]
    assert (good["responsePayload"], json.loads(good["requestPayload"])["text"]) == ("hello", "hello")
    assert (bad["requestContext"]["approximateInvokeCount"], "no such thing" in bad["responsePayload"]) == (1, True)
    assert task(fc3, name, "good").status == "Succeeded"
    assert task(fc3, name, "bad").status == "Failed"
    assert [each.status for each in task(fc3, name, "good").events] == ["Enqueued", "Running", "Succeeded"]


def test_a_task_is_listed_and_stopped(fc3: Any, code: bytes, make_event: Event, refused: Any) -> None:
    fc3.create("f", code=code, timeout=60)
    name = fc3.prefix + "f"
    configure(fc3, name, asyncTask=True)
    start(fc3, name, make_event("sleep", seconds=50), "slow")
    with pytest.raises(refused) as twice:
        start(fc3, name, b"{}", "slow")
    assert twice.value.code == "StatefulAsyncInvocationAlreadyExists"
    wait_for(lambda: task(fc3, name, "slow").status == "Running")
    fc3.client.stop_async_task(name, "slow", models3.StopAsyncTaskRequest())
    assert task(fc3, name, "slow").status == "Stopped"
    request = models3.ListAsyncTasksRequest(status="Stopped", include_payload=True)
    tasks = fc3.client.list_async_tasks(name, request).body.tasks
    assert [(each.task_id, json.loads(each.task_payload)["seconds"]) for each in tasks] == [("slow", 50)]


def test_tasks_are_listed_by_name_state_and_time_in_pages(fc3: Any, code: bytes, make_event: Event) -> None:
    fc3.create("f", code=code)
    name = fc3.prefix + "f"
    configure(fc3, name, asyncTask=True)

    def finish(id_: str) -> None:
        start(fc3, name, make_event("echo", text="x"), id_)
        wait_for(lambda: task(fc3, name, id_).status == "Succeeded")

    for id_ in ("a-1", "a-2", "b-1"):
        finish(id_)

    def listed(**asked: Any) -> Any:
        return fc3.client.list_async_tasks(name, models3.ListAsyncTasksRequest(**asked)).body

    def ids(**asked: Any) -> list[str]:
        return [each.task_id for each in listed(**asked).tasks or []]

    assert ids() == ["b-1", "a-2", "a-1"]
    assert ids(sort_order_by_time="asc") == ["a-1", "a-2", "b-1"]
    assert ids(prefix="a-") == ids(prefix="a-", status="Succeeded") == ["a-2", "a-1"]
    assert ids(prefix="a-", status="Failed") == []
    assert (ids(limit=2), listed(limit=2).next_token, ids(next_token="a-1")) == (["b-1", "a-2"], "a-1", ["a-1"])
    moment = task(fc3, name, "a-2").started_time
    assert ids(started_time_begin=moment) == ["b-1", "a-2"]
    assert ids(started_time_end=moment) == ["a-2", "a-1"]


def test_an_asynchronous_invocation_is_put_off(fc3: Any, code: bytes, make_event: Event, refused: Any) -> None:
    fc3.create("f", code=code)
    name = fc3.prefix + "f"
    start(fc3, name, make_event("echo", text="late"), "late", **{"x-fc-async-delay": "1"})
    wait_for(lambda: task(fc3, name, "late").status == "Succeeded")
    enqueued, running, _ = (each.timestamp for each in task(fc3, name, "late").events)
    assert running - enqueued >= 1000
    with pytest.raises(refused) as error:
        start(fc3, name, b"{}", "later", **{"x-fc-async-delay": "3601"})
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")


def test_other_destinations_are_refused_by_name(cloud: Running, fc3: Any, code: bytes, refused: Any) -> None:
    fc3.create("f", code=code)
    queue = {"onFailure": {"destination": f"acs:mns:{cloud.region}:1:/queues/q/messages"}}
    with pytest.raises(refused) as error:
        fc3._do(lambda: configure(fc3, fc3.prefix + "f", destinationConfig=queue))
    assert error.value.status == 501
    assert "not implemented: destinations of type 'mns'" in error.value.message
    with pytest.raises(refused) as error:
        fc3._do(lambda: configure(fc3, fc3.prefix + "f", maxAsyncRetryAttempts=9))
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")


def test_a_service_has_tags_by_which_it_is_found(cloud: Running, client_of: Callable[..., Any]) -> None:
    new = client_of(cloud, "fc2")
    client, arn = new.client, f"acs:fc:{cloud.region}:{cloud.account_id}:services/{new.service}"
    client.tag_resource(arn, {"k1": "v1", "k2": "v2"})
    assert client.get_resource_tags(arn).data == {"resourceArn": arn, "tags": {"k1": "v1", "k2": "v2"}}
    found = client.list_services(prefix=new.service, tags={"k1": "v1", "k2": ""}).data["services"]
    assert [each["serviceName"] for each in found] == [new.service]
    assert client.list_services(prefix=new.service, tags={"k1": "other"}).data["services"] == []
    client.untag_resource(arn, ["k1"])
    assert client.get_resource_tags(arn).data["tags"] == {"k2": "v2"}
    client.untag_resource(arn, [], True)
    assert client.get_resource_tags(arn).data["tags"] == {}
    with pytest.raises(fc2.FcError) as missing:
        client.tag_resource(arn + "x", {"k": "v"})
    assert missing.value.err_code == "ServiceNotFound"


def test_a_function_has_tags_by_which_it_is_found(cloud: Running, fc3: Any, code: bytes) -> None:
    made = fc3.create("f", code=code, tags=[{"Key": "k", "Value": "v"}])
    arn = made["functionArn"]
    assert made["tags"] == [{"Key": "k", "Value": "v"}]
    tags = [models3.Tag(key="more", value="w")]
    body = models3.TagResourcesInput(resource_id=[arn], resource_type="ALIYUN::FC::FUNCTION", tag=tags)
    fc3.client.tag_resources(models3.TagResourcesRequest(body=body))
    listed = fc3.client.list_tag_resources(
        models3.ListTagResourcesRequest(resource_id=[arn], resource_type="ALIYUN::FC::FUNCTION")
    ).body.tag_resources
    assert {(each.tag_key, each.tag_value) for each in listed} == {("k", "v"), ("more", "w")}
    pages = [None]
    while pages[-1] is not None or len(pages) == 1:
        page = models3.ListTagResourcesRequest(resource_id=[arn], resource_type="x", limit=1, next_token=pages[-1])
        told = fc3.client.list_tag_resources(page).body
        assert len(told.tag_resources) == 1
        pages.append(told.next_token)
    assert pages == [None, "1", None]
    request = models3.UntagResourcesRequest(resource_id=[arn], resource_type="ALIYUN::FC::FUNCTION", tag_key=["k"])
    fc3.client.untag_resources(request)
    assert fc3.get("f")["tags"] == [{"Key": "more", "Value": "w"}]


def test_a_function_whose_invocation_is_disabled_is_not_invoked(fc3: Any, code: bytes, refused: Any) -> None:
    fc3.create("f", code=code)
    name = fc3.prefix + "f"
    fc3.client.disable_function_invocation(name, models3.DisableFunctionInvocationRequest(reason="maintenance"))
    with pytest.raises(refused, match="maintenance") as error:
        fc3.invoke("f")
    assert error.value.status == 403
    # So it is with all of its versions, one that is published meanwhile among them.
    publish = models3.PublishFunctionVersionRequest(body=models3.PublishVersionInput())
    assert fc3.client.publish_function_version(name, publish).body.version_id == "1"
    published = models3.InvokeFunctionRequest(qualifier="1")
    for kind in ("Sync", "Async"):
        headers = models3.InvokeFunctionHeaders(x_fc_invocation_type=kind)
        with pytest.raises(refused, match="maintenance"):
            fc3._do(
                lambda given=headers: fc3.client.invoke_function_with_options(name, published, given, RuntimeOptions())
            )
    fc3.client.enable_function_invocation(name)
    assert fc3.invoke("f").status == 200
    assert fc3.client.invoke_function(name, published).status_code == 200


def test_what_cannot_exist_here_is_empty(fc3: Any, cloud: Running, code: bytes) -> None:
    fc3.create("f", code=code)
    assert fc3.client.list_vpc_bindings(fc3.prefix + "f").body.vpc_ids == []
    assert fc3.client.list_sessions(fc3.prefix + "f", models3.ListSessionsRequest()).body.sessions == []
    regions = fc3.client.describe_regions(models3.DescribeRegionsRequest()).body.regions.region
    assert [each.region_id for each in regions] == [cloud.region]
