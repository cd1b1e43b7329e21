"""Commands look at the project first: what is wrong with it is told before an embedded cloud is started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heavylift.cli.main import main
from heavylift.clouds import background
from tests.support import interrupts
from tests.support.waiting import wait_for

APP = Path(__file__).with_name("app.py")
COMMANDS = ("deploy", "diff", "destroy", "outputs", "events", "logs", "invoke", "build", "status", "status name")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that no cloud knows."""
    shutil.copy(APP, tmp_path)
    settings = {"stack": "first", "qualifier": "first", "bucket": "first-data"}
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "python app.py", "context": settings}))
    return tmp_path


def arguments(project: Path, *words: str) -> list[str]:
    return [words[0], "--project", str(project), "--data", str(project / "data"), *words[1:]]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_project_nothing_is_started(tmp_path: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, *command.split())) == 1
    assert capfd.readouterr().err.startswith(
        f"heavylift: {tmp_path / 'cdk.json'} does not exist: run this in the folder"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "nobody"), "the app has no stack 'nobody'; its stacks: first"),
        (("deploy", "-c", "broken=app"), "the app failed (`python app.py`, exit code 1); its message is above"),
        (("deploy", "--profile", "me"), "--profile names an account of Alibaba Cloud: say --cloud REGION as well"),
    ],
)
def test_what_the_app_refuses_starts_nothing(
    project: Path, words: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(project, *words)) == 1
    assert capfd.readouterr().err.splitlines()[-1] == f"heavylift: {said}"
    assert background.find_running(project / "data") is None


def begin(project: Path, command: str) -> subprocess.Popen[str]:
    """Begin a command as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-m", "heavylift", *arguments(project, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=interrupts.listen,
    )


def test_the_account_that_an_app_is_told_of_is_the_one_that_the_cloud_has(project: Path) -> None:
    account = background.account_id(project / "data")
    try:
        with begin(project, "diff") as command:
            said = command.communicate(timeout=60)[0]
        assert (command.returncode, "started the embedded cloud" in said) == (0, True)
        running = background.find_running(project / "data")
        assert running is not None
        assert running.account_id == account == background.account_id(project / "data")
    finally:
        background.stop(project / "data")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "heavylift: interrupted\n"),
        (signal.SIGTERM, 143, "heavylift: interrupted\n"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_what_ends_a_command_while_the_app_runs_ends_that_too(
    project: Path, number: signal.Signals, code: int, words: str
) -> None:
    begun = project / "begun"
    (project / "app.py").write_text(
        f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    with begin(project, "deploy") as command:
        wait_for(lambda: begun.exists() and begun.read_text())
        os.killpg(command.pid, number)  # a terminal sends it to all that run in its foreground
        said = command.communicate(timeout=60)[0]
    assert (command.returncode, said) == (code, words)
    wait_for(lambda: has_ended(begun.read_text()))


def has_ended(pid: str) -> bool:
    try:
        return ") Z " in Path("/proc", pid, "stat").read_text()  # nobody may have asked for its exit code yet
    except OSError:
        return True
