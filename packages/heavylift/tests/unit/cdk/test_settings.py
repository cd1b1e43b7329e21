"""Settings: what is read, what is refused, and with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import pytest

from heavylift.cdk.arguments import fail
from heavylift.cdk.built import check_build, function_environment
from heavylift.cdk.errors import SettingsError
from heavylift.cdk.settings import SETTINGS, Settings, read_settings
from heavylift.contracts.manifest import Build
from heavylift.contracts.platform import MAX_ENVIRONMENT
from tests.support.paths import ROOT

ACCOUNT: dict[str, Any] = {"account": "1234567890123456"}
MB = 1024**2


def read(context: dict[str, Any], build: Build) -> Settings:
    """Read settings and check them together with a build, as an app does."""
    settings = read_settings(context)
    fail(check_build(settings, build, local_build=settings.local_build, unchecked=settings.unchecked))
    return settings


def problems(context: dict[str, Any], build: Build) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read({**ACCOUNT, **context}, build)
    return list(caught.value.problems)


def test_nothing_but_the_account_is_needed(make_build: Callable[..., Build]) -> None:
    assert read(ACCOUNT, make_build()) == Settings(**ACCOUNT)


def test_text_of_the_command_line_and_json_of_cdk_json_mean_the_same(make_build: Callable[..., Build]) -> None:
    build = make_build(python="3.12", platform="manylinux_2_31_x86_64")
    as_json = {
        "memory": 2048,
        "cpu": 1.25,
        "disk": 512,
        "trigger": False,
        "runtime": "python3.12",
        "writePrefixes": ["out/", "done/"],
        "environment": {"B": "2", "A": "1"},
    }
    as_text: dict[str, Any] = {
        "memory": "2048",
        "cpu": "1.25",
        "disk": "512",
        "trigger": "false",
        "runtime": "python3.12",
        "writePrefixes": "out/,done/",
        "environment": '{"A": "1", "B": "2"}',
    }
    settings = read({**ACCOUNT, **as_text}, build)
    assert settings == read({**ACCOUNT, **as_json}, build)
    assert (settings.cpu, settings.write_prefixes) == (1.25, ("out/", "done/"))
    assert settings == read({**ACCOUNT, **as_text, "writePrefixes": '["out/", "done/"]'}, build)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("memory", 3000, "memory: 3000 is not allowed; set 128 to 32768 (in steps of 64) MB"),
        ("memory", "64", "memory: '64' is not allowed; set 128 to 32768 (in steps of 64) MB"),
        ("memory", 40960, "memory: 40960 is not allowed"),
        ("memory", True, "memory: True is not a number"),
        ("memory", "lots", "memory: 'lots' is not a number; set 128 to 32768 (in steps of 64) MB"),
        ("memory", "nan", "memory: 'nan' is not a number that can be used"),
        ("memory", "1e999", "memory: '1e999' is not a number that can be used"),
        ("cpu", 0.07, "cpu: 0.07 is not allowed; set 0.05 to 16 (in steps of 0.05) vCPU"),
        ("cpu", 17, "cpu: 17 is not allowed"),
        ("disk", 1024, "disk: 1024 is not allowed; set 512 or 10240 MB"),
        ("timeout", 0, "timeout: 0 is not allowed; set 1 to 86400 seconds"),
        ("initializationTimeout", 301, "initializationTimeout: 301 is not allowed; set 1 to 300 seconds"),
        ("minimumInstances", 300, "minimumInstances: 300 is not allowed; set 0 to 299 instances"),
        ("initializationTimeout", 2.5, "initializationTimeout: 2.5 is not allowed"),
        ("runtime", "python3.9", "runtime: 'python3.9' is not allowed; set python3.10 or python3.12"),
        ("generation", 2, "generation: 2 is not allowed; set 2.0 or 3.0"),
        ("stackName", "Heavy_Lift", "stackName: 'Heavy_Lift' is not allowed; set 3 to 28 small letters"),
        ("bucketName", "-bucket", "bucketName: '-bucket' is not allowed; set 3 to 63 small letters"),
        ("account", "12", "account: '12' is not allowed; set the account's number, 16 digits"),
        ("trigger", "yes", "trigger: 'yes' is neither true nor false"),
        ("handlerModule", "index", "handlerModule: 'index' is not allowed; set MODULE.FUNCTION"),
        (
            "handlerModule",
            "loader.handler",
            "handlerModule: 'loader.handler' is not allowed; set MODULE.FUNCTION of your own code",
        ),
        ("eventsPrefix", "/incoming", "eventsPrefix: '/incoming' is not allowed; set the beginning of object keys"),
        ("eventsPrefix", "", "eventsPrefix: '' is not allowed"),
        ("readPrefixes", ["a/*"], "readPrefixes: ['a/*'] is not allowed"),
        ("endpoint", "oss.example", "endpoint: 'oss.example' is not allowed; set a URL"),
        ("environment", "A=1", "environment: 'A=1' is no JSON; write it as in cdk.json"),
        ("environment", "[]", 'environment: \'[]\' is no object; set one such as {"NAME": "value"}'),
        ("readPrefixes", "[1", "readPrefixes: '[1' is no JSON; write it as in cdk.json"),
        ("environment", {"FC_X": "1"}, "holds the name 'FC_X'; names are letters"),
        ("environment", {"ALIBABA_CLOUD_REGION": "1"}, "holds the name 'ALIBABA_CLOUD_REGION'"),
        ("environment", {"1A": "1"}, "holds the name '1A'"),
        ("environment", {"A": 1}, "holds A: 1, which is no text; put it in quotes"),
        ("memroy", 128, "memroy: there is no such setting; did you mean memory?"),
        ("zzz", 128, "zzz: there is no such setting; known are account, artifactsBucket"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    make_build: Callable[..., Build], name: str, value: Any, said: str
) -> None:
    (problem,) = problems({name: value}, make_build())
    assert said in problem


def test_all_problems_are_said_at_once(make_build: Callable[..., Build]) -> None:
    assert len(problems({"memory": 1, "disk": 1, "trigger": 1}, make_build())) == 3


def test_values_that_do_not_go_together_are_said_with_all_others(make_build: Callable[..., Build]) -> None:
    wrong = {"memroy": 1, "memory": 8192, "cpu": 1, "disk": 1, "writePrefixes": "incoming/x"}
    said = problems(wrong, make_build())
    assert [each.partition(":")[0] for each in said] == ["memroy", "disk", "cpu", "writePrefixes"]
    assert len(problems({"memory": 1, "cpu": 4}, make_build())) == 1  # nobody knows what memory was meant


def test_what_the_cdk_puts_into_the_context_is_none_of_ours(make_build: Callable[..., Build]) -> None:
    read({**ACCOUNT, "ros:cdk:enable-asset-metadata": True, "@alicloud/ros-cdk-core:x": 1}, make_build())


def test_without_an_account_the_asset_bucket_needs_a_name_of_its_own(make_build: Callable[..., Build]) -> None:
    with pytest.raises(SettingsError, match="account: not set; the asset bucket is named after it"):
        read({}, make_build())
    assert read({"qualifier": "mine1"}, make_build()).asset_qualifier == "mine1"


def test_the_asset_bucket_differs_by_account_and_stack_and_never_by_chance(make_build: Callable[..., Build]) -> None:
    contexts = [ACCOUNT, {"account": "1" * 16}, {**ACCOUNT, "stackName": "other"}]
    qualifiers = [read(context, make_build()).asset_qualifier for context in contexts]
    assert len(set(qualifiers)) == 3
    assert qualifiers[0] == read(ACCOUNT, make_build()).asset_qualifier


@pytest.mark.parametrize(
    ("memory", "cpu", "fits"), [(1024, 1, True), (4096, 1, True), (960, 1, False), (4160, 1, False)]
)
def test_cpu_and_memory_keep_their_ratio(make_build: Callable[..., Build], memory: int, cpu: int, fits: bool) -> None:
    context = {"memory": memory, "cpu": cpu}
    if fits:
        read({**ACCOUNT, **context}, make_build())
    else:
        assert "set memory from 1024 to 4096" in problems(context, make_build())[0]


def test_the_archives_must_fit_the_disk(make_build: Callable[..., Build]) -> None:
    build = make_build(applib=400 * MB, model=60 * MB)
    assert problems({"disk": 512}, build) == ["disk: 512 MB, but the archives need 524 MB unpacked: set 10240"]
    read({**ACCOUNT, "disk": 10240}, build)
    read({**ACCOUNT, "disk": 512}, make_build(applib=447 * MB, model=MB))
    assert "shorten the requirements" in problems({}, make_build(applib=11_000 * MB))[0]


def test_the_code_package_must_fit(make_build: Callable[..., Build]) -> None:
    assert "allowed are 104,857,600: move libraries" in problems({}, make_build(code=100 * MB + 1))[0]


@pytest.mark.parametrize(
    ("python", "platform", "runtime", "fits"),
    [
        ("3.10", "manylinux_2_28_x86_64", "python3.10", True),
        ("3.10", "manylinux_2_17_x86_64", "python3.10", True),
        ("3.12", "manylinux_2_31_x86_64", "python3.12", True),
        ("3.11", "manylinux_2_28_x86_64", "python3.10", False),
        ("3.10", "manylinux_2_28_x86_64", "python3.12", False),
        ("3.10", "manylinux_2_31_x86_64", "python3.10", False),
        ("3.10", "manylinux_2_28_aarch64", "python3.10", False),
    ],
)
def test_archives_for_another_python_reach_no_real_cloud(
    make_build: Callable[..., Build], python: str, platform: str, runtime: str, fits: bool
) -> None:
    build = make_build(python=python, platform=platform)
    if fits:
        read({**ACCOUNT, "runtime": runtime}, build)
        return
    (problem,) = problems({"runtime": runtime}, build)
    assert f"the archives were built for Python {python} on {platform}" in problem
    assert f"run `heavylift build --python {runtime.removeprefix('python')}" in problem


@pytest.mark.parametrize(
    ("python", "platform", "runtime", "fits"),
    [
        ("3.10", "manylinux_2_28_x86_64", "python3.10", True),
        ("3.10", "manylinux_2_39_x86_64", "python3.10", True),  # this machine's C library decides, not the runtime's
        ("3.11", "manylinux_2_28_x86_64", "python3.10", True),  # the embedded cloud's own Python
        ("3.12", "manylinux_2_28_x86_64", "python3.10", False),
        ("3.10", "manylinux_2_28_x86_64", "python3.12", False),
        ("3.9", "manylinux_2_28_x86_64", "python3.10", False),
    ],
)
def test_archives_for_another_python_than_the_runtimes_reach_the_embedded_cloud_neither(
    make_build: Callable[..., Build],
    monkeypatch: pytest.MonkeyPatch,
    python: str,
    platform: str,
    runtime: str,
    fits: bool,
) -> None:
    monkeypatch.setattr("heavylift.cdk.built.LOCAL_PYTHON", "3.11")
    build = make_build(python=python, platform=platform)
    context = {"runtime": runtime, "localBuild": "true"}
    if fits:
        read({**ACCOUNT, **context}, build)
        return
    (problem,) = problems(context, build)
    assert f"runtime: {runtime} is Python" in problem
    assert f"run `heavylift build --python {runtime.removeprefix('python')}" in problem
    assert (f"or set runtime=python{python}" in problem) is (python != "3.9")


def test_a_build_that_the_embedded_cloud_alone_could_run_is_told_so(
    make_build: Callable[..., Build], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heavylift.cdk.built.LOCAL_PYTHON", "3.11")
    for python in ("3.11", "3.12"):
        (problem,) = problems({}, make_build(python=python))
        assert ("only for the embedded cloud" in problem) is (python == "3.11")
    (problem,) = problems({"localBuild": "true"}, make_build(python="3.12"))
    assert "only for the embedded cloud" not in problem


def test_the_function_is_told_how_to_load_where_that_is_not_the_default(make_build: Callable[..., Build]) -> None:
    build = make_build()
    said = {
        mode: function_environment(Settings(load_mode=mode), build, bucket="b", region="r").get("LoadMode")
        for mode in ("complete", "working-set", "whole")
    }
    assert said == {"complete": None, "working-set": "working-set", "whole": "whole"}


def test_libraries_that_nobody_imported_reach_no_real_cloud_unless_that_is_said(
    make_build: Callable[..., Build],
) -> None:
    build = make_build(imported=False)
    (problem,) = problems({}, build)
    assert "no Python 3.10 has imported these libraries" in problem
    assert "heavylift deploy --unchecked" in problem
    read({**ACCOUNT, "unchecked": "true"}, build)
    read({**ACCOUNT, "localBuild": "true"}, build)


def test_the_stacks_own_variables_cannot_be_set(make_build: Callable[..., Build]) -> None:
    assert problems({"environment": {"Bucket": "x", "local": "1"}}, make_build()) == [
        "environment: Bucket is set by the stack itself, from its settings and the build; remove it",
        "environment: local is set by the stack itself, from its settings and the build; remove it",
    ]


def test_an_environment_that_fits_is_accepted_to_the_last_byte(make_build: Callable[..., Build]) -> None:
    build = make_build()
    own = function_environment(Settings(), build, bucket="b" * 63, region="r" * 16)
    room = MAX_ENVIRONMENT - sum(len(name) + len(value) for name, value in own.items()) - len("NAME")
    read({**ACCOUNT, "environment": {"NAME": "x" * room}}, build)
    (problem,) = problems({"environment": {"NAME": "x" * (room - 1) + "ä"}}, build)
    assert "allowed are 4096: shorten it by 1 bytes" in problem


@pytest.mark.parametrize("prefix", ["incoming/", "incoming/rotated/", "in"])
def test_a_function_may_not_start_itself(make_build: Callable[..., Build], prefix: str) -> None:
    assert "would start it again" in problems({"writePrefixes": prefix}, make_build())[0]
    read({**ACCOUNT, "writePrefixes": prefix, "trigger": False}, make_build())


def test_the_reference_names_every_setting_with_its_default() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    cells = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    shown = {name.strip(" `"): default.strip(" `") for _, name, default, *_ in cells}
    defaults = {each.name: each.default for each in fields(Settings)}
    for setting, (attribute, _read) in SETTINGS.items():
        default = defaults[attribute]
        if isinstance(default, tuple | bool | int | float):
            assert shown[setting] == json.dumps(default).removesuffix(".0")
        elif default and default is not MISSING:
            assert shown[setting] == default
