"""Templates that were written to stop the cloud: they are refused in time, and every other service answers meanwhile."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ros20190910 import models
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

PATTERN = "(a+)+b"  # backtracks 2^40 times on the text
TEXT = "a" * 40
BOUND = 90.0  # seconds in which anything is refused; the limit is of CPU, and the machine may be busy
PATIENCE = 5.0  # seconds in which a service answers


def template(**sections: Any) -> str:
    return json.dumps({"ROSTemplateFormatVersion": "2015-09-01", **sections})


def nested(levels: int, wrap: Callable[[Any], Any], value: Any = "x") -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


def output(value: Any) -> str:
    return template(Conditions={"C": {"Fn::Equals": [value, "x"]}})


HOSTILE = {
    "match-pattern": template(Conditions={"C": {"Fn::MatchPattern": [PATTERN, TEXT]}}),
    "allowed-pattern": template(
        Parameters={"P": {"Type": "String", "AllowedPattern": PATTERN, "Default": TEXT}}, Resources={}
    ),
    "nested-replace": output(nested(12, lambda value: {"Fn::Replace": [{"x": "x" * 10}, value]})),
    "nested-sub": output(nested(40, lambda value: {"Fn::Sub": ["${A}${A}", {"A": value}]})),
    "nested-join": output(nested(12, lambda value: {"Fn::Join": [{"Fn::Str": value}, ["x"] * 10]})),
    "base64-80-times": output(nested(80, lambda value: {"Fn::Base64": value})),
    "indent-and-split": output(
        nested(30, lambda value: {"Fn::Indent": [{"Fn::Join": ["\n", {"Fn::Split": ["", value]}]}, 20, 4]})
    ),
    "jq-forever": output({"Fn::Jq": ["First", "def f: f; f", "{}"]}),
    "deep-json": template(Mappings={}).replace("{}", "[" * 100_000 + "]" * 100_000),
    "deep-yaml": "ROSTemplateFormatVersion: '2015-09-01'\nMetadata: " + "[" * 100_000 + "]" * 100_000,
    "billion-laughs": "ROSTemplateFormatVersion: '2015-09-01'\nMetadata:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"  a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    "sixty-to-the-power": "ROSTemplateFormatVersion: '2015-09-01'\nMetadata: 1" + ":1" * 100_000,
    "length-inf": template(Parameters={"P": {"Type": "String", "MinLength": "inf"}}),
    "length-nan": template(Parameters={"P": {"Type": "String", "MaxLength": "nan"}}),
    "value-inf": template(Parameters={"P": {"Type": "Number", "MaxValue": 1}}).replace("1}", "1e999}"),
    "number-of-5000-digits": template(Metadata=7).replace("7", "7" * 5000),
    "hexadecimal-number": "ROSTemplateFormatVersion: '2015-09-01'\nMetadata: 0x" + "f" * 5000,
    "sum-beyond-numbers": output({"Fn::Str": {"Fn::Add": [1e308, 1e308]}}),
    "json-in-json": output({"Fn::GetJsonValue": ["a", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"]}),
    "repeat-beyond-numbers": template(
        Parameters={"P": {"Type": "String", "AllowedPattern": "a{99999999999999999999}"}}
    ),
    "nul": template(Parameters={"P\0": {"Type": "String"}}),
    "half-a-character": template(Metadata="\ud800"),
    "description-of-lists": template(Description=[[]]),
    "too-many-resources": template(Resources={f"R{n}": {"Type": "ALIYUN::RAM::Role"} for n in range(5000)}),
}


@pytest.fixture
def ros(cloud: Any, connect: Callable[..., Any]) -> Any:
    return connect(cloud, read_timeout=int(BOUND * 1000))


@contextmanager
def answering(cloud: Any) -> Iterator[None]:
    """Ask every service again and again; each has to answer soon. What it answers to an unsigned request does not matter."""
    waits: list[tuple[float, str]] = []
    done = threading.Event()

    def ask() -> None:
        opener = urllib.request.build_opener(_Quiet)
        while not done.is_set():
            for name in ("oss", "ram", "sts", "fc", "ros"):
                began = time.monotonic()
                opener.open(cloud.endpoints[name], timeout=BOUND).close()
                waits.append((time.monotonic() - began, name))
            done.wait(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()
    assert waits
    assert max(waits) < (PATIENCE, "")


class _Quiet(urllib.request.HTTPErrorProcessor):
    def http_response(self, _request: Any, response: Any) -> Any:
        return response


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_in_time_while_every_service_answers(name: str, cloud: Any, ros: Any) -> None:
    request = models.ValidateTemplateRequest(region_id=ros.region, template_body=HOSTILE[name])
    began = time.monotonic()
    with answering(cloud), pytest.raises(TeaException) as refused:
        ros.client.validate_template(request)
    assert time.monotonic() - began < BOUND
    assert (refused.value.data["statusCode"], refused.value.code) in {
        (400, "StackValidationFailed"),
        (400, "InvalidTemplateReference"),
    }


def test_a_jq_program_finds_neither_the_environment_nor_files(ros: Any, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('"swordfish"')
    environment = {"Value": {"Fn::Jq": ["First", "[env, $ENV] | map(length)", "{}"]}}
    stack = ros.deployed(json.loads(template(Outputs={"Environment": environment})))
    assert stack.outputs[0]["OutputValue"] == [0, 0]
    ros.delete(stack.stack_id)
    for program in (f'import "data" as $d {{search: "{tmp_path}"}}; $d', f'"{tmp_path}/data" | modulemeta'):
        text = output({"Fn::Jq": ["First", program, "{}"]})
        with pytest.raises(TeaException) as refused:
            ros.client.validate_template(models.ValidateTemplateRequest(template_body=text))
        assert "swordfish" not in str(refused.value.data)


def test_half_a_megabyte_of_yaml_is_read_while_every_service_answers(cloud: Any, ros: Any) -> None:
    text = "ROSTemplateFormatVersion: '2015-09-01'\nMetadata:\n" + "".join(f"  k{n}: v\n" for n in range(43_000))
    assert len(text) > 500_000
    with answering(cloud):
        ros.client.validate_template(models.ValidateTemplateRequest(region_id=ros.region, template_body=text))


def test_the_bad_patterns_of_one_caller_do_not_delay_another(
    tmp_path: Path, start_cloud: Callable[..., Any], connect: Callable[..., Any], allowed: Callable[..., Any]
) -> None:
    cloud = start_cloud(tmp_path / "cloud")
    ros, attacker = connect(cloud), allowed("ros:ValidateTemplate", cloud=cloud)
    bad = models.ValidateTemplateRequest(region_id=ros.region, template_body=HOSTILE["match-pattern"])
    good = models.ValidateTemplateRequest(region_id=ros.region, template_body=template(Resources={}))

    def attack() -> None:
        with suppress(Exception):  # the cloud stops before all patterns are refused
            attacker.client.validate_template_with_options(bad, RuntimeOptions(read_timeout=int(BOUND * 1000)))

    with ThreadPoolExecutor(6) as threads:
        attacks = [threads.submit(attack) for _ in range(6)]
        waits = []
        while not any(each.done() for each in attacks):  # the first pattern is at work until then, the others wait
            began = time.monotonic()
            ros.client.validate_template(good)
            waits.append(time.monotonic() - began)
        cloud.stop()
    assert max(waits) < PATIENCE


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("list_stacks", models.ListStacksRequest(page_size="9" * 5000)),
        ("list_stacks", models.ListStacksRequest(page_number="9" * 5000)),
        ("create_stack", models.CreateStackRequest(stack_name="x", template_body="{}", timeout_in_minutes="9" * 5000)),
        ("get_stack", models.GetStackRequest(stack_id="\0")),
        ("create_stack", models.CreateStackRequest(stack_name="\0", template_body="{}")),
    ],
)
def test_numbers_and_names_that_cannot_be_are_refused(ros: Any, action: str, given: Any) -> None:
    given.region_id = ros.region
    with pytest.raises(TeaException) as refused:
        getattr(ros.client, action)(given)
    assert refused.value.data["statusCode"] in {400, 404}


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "9" * 5000, "0x10", "\0"])
def test_a_number_parameter_that_is_none_is_refused(ros: Any, value: str) -> None:
    text = template(Parameters={"P": {"Type": "Number"}}, Resources={})
    with pytest.raises(TeaException) as refused:
        ros.create("number", text, parameters=[_parameter("P", value)])
    assert (refused.value.data["statusCode"], refused.value.code) == (400, "StackValidationFailed")


def _parameter(key: str, value: str) -> Any:
    return models.CreateStackRequestParameters(parameter_key=key, parameter_value=value)


# In resources, whose properties are evaluated when the stack is made already


def hostile_stack(value: Any) -> str:
    return template(Resources={"R": {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": value}}})


def test_a_stack_with_a_hostile_property_fails_with_a_reason_and_is_deleted(
    tmp_path: Path, start_cloud: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    cloud = start_cloud(tmp_path / "cloud")
    ros = connect(cloud)
    pattern = hostile_stack({"Fn::Str": {"Fn::MatchPattern": [PATTERN, TEXT]}})
    with answering(cloud):
        stack = ros.settled(ros.create("pattern", pattern), seconds=BOUND)
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "it needs more than 5 seconds of CPU" in stack.status_reason
    assert ros.delete(stack.stack_id).status == "DELETE_COMPLETE"
    huge = hostile_stack(nested(12, lambda value: {"Fn::Replace": [{"x": "x" * 10}, value]}))
    assert "at most 1,048,576 are allowed" in ros.deployed(json.loads(huge)).status_reason


def test_resources_that_grow_together_are_refused(ros: Any) -> None:
    half = nested(2, lambda value: {"Fn::Replace": [{"x": "x" * 700}, value]})  # half a megabyte each
    projects = {
        f"R{number}": {
            "Type": "ALIYUN::SLS::Project",
            "Properties": {"Name": f"grown-{number}", "Tags": [{"Key": half}]},
        }
        for number in range(3)
    }
    stack = ros.deployed({"ROSTemplateFormatVersion": "2015-09-01", "Resources": projects})
    assert "bytes once their functions are evaluated" in stack.status_reason


def test_a_cloud_that_was_killed_over_a_hostile_stack_starts_and_answers(
    tmp_path: Path, start_cloud: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    folder = tmp_path / "cloud"
    cloud = start_cloud(folder)
    stack_id = connect(cloud).create("pattern", hostile_stack({"Fn::Str": {"Fn::MatchPattern": [PATTERN, TEXT]}}))
    cloud.process.kill()
    cloud.process.wait()
    cloud.process.stdout.close()
    again = start_cloud(folder)
    with answering(again):
        stack = connect(again).settled(stack_id, seconds=BOUND)
    assert stack.status in {"CREATE_ROLLBACK_COMPLETE", "CREATE_FAILED"}


def test_the_cloud_stops_while_a_hostile_template_is_evaluated(
    tmp_path: Path, start_cloud: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    cloud = start_cloud(tmp_path / "cloud")
    connect(cloud).create("pattern", hostile_stack({"Fn::Str": {"Fn::MatchPattern": [PATTERN, TEXT]}}))
    assert cloud.stop() == 0
