"""Commands with hostile input: errors are one paragraph, data comes out as it went in."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

Project = Any  # tests/integration/cli/conftest.py
DEEP = '{"a": ' * 100_000
HOSTILE = ":ram: [bold]b[/] [red] \\[x] 1e5 'str' http://x/?a=1 \t" + "word " * 60 + ":smiley:"
SIZE = 20_000_000  # bytes


def fails(project: Project, *arguments: str) -> str:
    """Run a command that must fail as it should; return its last words."""
    said = project.heavylift(*arguments)
    assert (said.code, "Traceback" in said.error) == (1, False)
    assert said.last.startswith("heavylift: ")
    return str(said.last)


def change_settings(project: Project, **changes: object) -> None:
    path = project.folder / "cdk.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("command", ["deploy", "diff", "destroy", "outputs", "events", "logs", "invoke"])
def test_a_deeply_nested_cdk_json_is_named(project: Project, command: str) -> None:
    (project.folder / "cdk.json").write_text(DEEP)
    assert "cdk.json is nested too deeply" in fails(project, command)


@pytest.mark.parametrize("written", ["manifest.json", ".template.json", ".assets.json"])
def test_a_deeply_nested_file_of_the_assembly_is_named(project: Project, written: str) -> None:
    settings = json.loads((project.folder / "cdk.json").read_text())["context"]
    change_settings(project, context=settings | {"written": written, "text": '{"a":' * 5000 + "1" + "}" * 5000})
    for command in ("deploy", "diff"):
        assert f"{written} is nested too deeply" in fails(project, command)


@pytest.mark.parametrize("app", ["true \0", "true \ud800", ["true", 1], 1, "", {}, "x" * 3_000_000])
def test_an_app_that_no_shell_can_run_is_refused(project: Project, app: object) -> None:
    change_settings(project, app=app)
    assert "app" in fails(project, "deploy")


WRONG: dict[str, tuple[object, ...]] = {
    "tags": ("x", 1, {"a": 1}, {"a": None}, {"a": {}}, {"a": "\ud800"}, ["a"]),
    "stackName": (1, None, [], {}, "\ud800", "", "a\0", True),
    "templateFile": (1, None, [], "", "no", ".", "\0"),
}


@pytest.mark.parametrize("properties", [{name: value} for name, values in WRONG.items() for value in values])
def test_a_stack_of_wrong_types_is_refused(project: Project, properties: dict[str, object]) -> None:
    fails(project, "deploy", "-c", f"properties={json.dumps(properties)}")


@pytest.mark.parametrize("name", [1, [1], {"a": 1}, True, "\ud800", "a\0"])
@pytest.mark.parametrize("command", ["destroy", "invoke"])
def test_a_stack_name_in_the_settings_that_is_no_text_is_refused(project: Project, command: str, name: object) -> None:
    change_settings(project, context={"stackName": name})
    assert "stackName" in fails(project, command)


@pytest.fixture
def deployed(make_project: Callable[..., Project]) -> Project:
    """A stack whose function answers and logs what output must not touch."""
    project = make_project(colour=HOSTILE)
    assert project.heavylift("deploy").code == 0
    return project


def run(project: Project, *arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, with pipes."""
    command = [sys.executable, "-m", "heavylift", arguments[0], "--data", str(project.cloud.data)]
    return subprocess.run(
        [*command, "--project", str(project.folder), *arguments[1:]], input=stdin, capture_output=True, check=False
    )


def test_what_is_data_comes_out_as_it_is(deployed: Project) -> None:
    assert deployed.heavylift("invoke").out == f"{HOSTILE}\n"
    assert deployed.heavylift("invoke", "--json").records[0]["body"] == HOSTILE
    assert f"the log {HOSTILE}\n" in deployed.heavylift("invoke", "--log").out
    assert f"the log {HOSTILE}" in deployed.heavylift("logs").out.splitlines()
    assert f"the log {HOSTILE}" in [each["line"] for each in deployed.heavylift("logs", "--json").records]
    changed = deployed.heavylift("diff", "-c", "colour=:ram: [bold]").out
    assert changed.endswith(' -> ":ram: [bold]"\n')
    arn = deployed.heavylift("outputs", "--key", "Arn").out
    assert arn == f"acs:fc:{deployed.cloud.region}:{deployed.cloud.account_id}:functions/{deployed.stack}-function\n"
    assert "no output ':ram: [bold]'" in fails(deployed, "outputs", "--key", ":ram: [bold]")


def test_events_and_answers_are_bytes(deployed: Project) -> None:
    data = bytes(range(1, 256))
    assert run(deployed, "invoke", "--payload", b"echo " + data).stdout == data
    assert run(deployed, "invoke", "--file", "-", stdin=b"echo \0" + data).stdout == b"\0" + data
    record = json.loads(run(deployed, "invoke", "--json", "--payload", b"echo " + data).stdout)
    assert base64.b64decode(record["base64"]) == data
    assert deployed.heavylift("invoke", "--payload", "echo ä").out == "ä\n"


def test_twenty_megabytes_travel_in_seconds_both_ways(deployed: Project) -> None:
    event = deployed.folder / "event"
    event.write_bytes(b"echo " + os.urandom(SIZE))
    begin = time.monotonic()
    answered = run(deployed, "invoke", "--file", str(event))
    assert time.monotonic() - begin < 40  # it was minutes: the client copied what it had, again and again
    assert answered.stdout == event.read_bytes()[5:], answered.stderr
