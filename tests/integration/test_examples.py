"""The examples, built and deployed by the command line as their READMEs say, and used."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from PIL import Image

from heavylift.build.machine import find_interpreter
from heavylift.build.options import CACHE
from heavylift.cli.main import main
from heavylift.clouds.assembly import read_project
from heavylift.clouds.node import with_node
from heavylift.contracts.platform import RUNTIMES
from tests.support.paths import ROOT

EXAMPLES = ROOT / "examples"
LONGEST = 40  # lines of an app
ACCOUNT = "1234567890123456"
pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]


@dataclass
class Example:
    """A copy of an example, without anything built, and the command line in it."""

    folder: Path
    cloud: Any
    capture: pytest.CaptureFixture[str]

    def fails(self, command: str, *words: str) -> str:
        """Run a command that must fail, and return what it said."""
        return self._run(1, command, *words)[1]

    def heavylift(self, command: str, *words: str) -> str:
        """Run a command and return what it printed."""
        return self._run(0, command, *words)[0]

    def said(self, command: str, *words: str) -> str:
        """Run a command and return what it said on the standard error."""
        return self._run(0, command, *words)[1]

    def stacks(self) -> list[str]:
        """Return the names of the cloud's stacks."""
        events = [json.loads(line) for line in self.heavylift("status", "--json").splitlines()]
        return [event["name"] for event in events if event["event"] == "stack"]

    def _run(self, code: int, command: str, *words: str) -> tuple[str, str]:
        self.capture.readouterr()
        where = ("--project", str(self.folder), "--data", str(self.cloud.data))
        ended = main([command, *words, *where])
        captured = self.capture.readouterr()
        assert ended == code, captured.out + captured.err
        return captured.out, captured.err


@pytest.fixture
def example(cloud: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], Example]]:
    """Copy an example; its stack is destroyed in the end."""
    made: list[Example] = []

    def make(name: str) -> Example:
        folder = tmp_path / name
        shutil.copytree(
            EXAMPLES / name, folder, ignore=shutil.ignore_patterns("dist", ".cache", "cdk.out", ".heavylift")
        )
        made.append(Example(folder, cloud, capfd))
        return made[-1]

    yield make
    for each in made:
        stack = str(read_project(each.folder).context["stackName"])
        if stack in each.stacks():
            each.heavylift("destroy")
            assert stack not in each.stacks()


@pytest.mark.parametrize("app", sorted(EXAMPLES.glob("*/app.py")), ids=lambda path: path.parent.name)
def test_an_app_is_short(app: Path) -> None:
    assert len(app.read_text().splitlines()) <= LONGEST


def test_two_functions_have_libraries_of_their_own(example: Callable[[str], Example]) -> None:
    two = example("two-functions")
    two.heavylift("deploy")
    assert two.heavylift("invoke", "--function", "Mean", "--payload", "[1, 2, 6]") == "3.0\n"
    picture = two.folder / "large.png"
    Image.new("RGB", (640, 320), "red").save(picture)
    answer = json.loads(two.heavylift("invoke", "--function", "Shrink", "--file", str(picture), "--json"))
    small = Image.open(io.BytesIO(base64.b64decode(answer["base64"])))
    assert small.size == (32, 16)
    libraries = {
        name: json.loads((two.folder / "dist" / name / "manifest.json").read_text())["applib"]["versions"].keys()
        for name in ("Mean", "Shrink")
    }
    assert libraries == {"Mean": {"numpy"}, "Shrink": {"pillow"}}


def test_a_bucket_of_ones_own_keeps_the_archives_and_the_role_may_do_what_was_granted(
    example: Callable[[str], Example],
) -> None:
    own = example("own-bucket")
    own.heavylift("deploy")
    bucket = own.cloud.bucket(own.heavylift("outputs", "--key", "BucketName").strip())
    bucket.put_object("notes/one.md", b"# *one*")
    wait_until(lambda: bucket.object_exists("index.html"))
    page = bucket.get_object("index.html").read().decode()
    assert page == "<h1>Notes</h1>\n<h1><em>one</em></h1>\n"
    assert own.heavylift("invoke") == "1\n"
    bucket.delete_object("notes/one.md")
    bucket.delete_object("index.html")


def test_a_function_behind_a_url_answers_and_a_deploy_brings_what_the_files_hold(
    example: Callable[[str], Example],
) -> None:
    http = example("http")
    assert "built" in http.said("build")
    http.heavylift("deploy")
    request = json.dumps({"queryParameters": {"text": "hello"}})
    answer = json.loads(http.heavylift("invoke", "--payload", request))
    assert (answer["statusCode"], answer["body"][:4]) == (200, "<svg")
    assert "HttpTrigger" in http.heavylift("status", "http")
    trigger = urlsplit(http.heavylift("outputs", "--key", "Url").strip()).netloc
    assert trigger.endswith(".fcapp.run")
    url = f"{http.cloud.endpoints['fc']}/-/localcloud/http-triggers/{trigger.partition('.')[0]}"
    with urlopen(f"{url}?text=hello") as picture:
        assert (picture.headers["Content-Type"], picture.read(4)) == ("image/svg+xml", b"<svg")

    source = http.folder / "function" / "index.py"
    source.write_text(source.read_text().replace("say ?text=", "changed: say ?text="))
    diff = http.heavylift("diff")
    assert "Function" in diff
    http.heavylift("deploy")
    assert json.loads(http.heavylift("invoke", "--payload", "{}"))["body"].startswith("changed: say")
    assert "no changes" in http.heavylift("deploy")


def test_the_app_alone_builds_a_fresh_clone_as_the_vendors_command_line_runs_it(
    example: Callable[[str], Example],
) -> None:
    """ros-cdk knows nothing of heavylift: it runs `app` in a shell with these variables, and uploads what it wrote."""
    if find_interpreter(RUNTIMES["python3.10"].target) is None:
        pytest.skip("a region's Python is not here")
    http = example("http")
    project = read_project(http.folder)
    environment = {
        **with_node(
            {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT") or name == CACHE}
        ),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CDK_OUTDIR": "cdk.out",
        "CDK_CONTEXT_JSON": json.dumps({**project.context, "account": ACCOUNT}),
    }
    for _ in range(2):
        done = subprocess.run(
            project.app, shell=True, cwd=http.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "built" not in done.stderr  # the second time nothing has changed
    manifest = json.loads((http.folder / "dist" / "manifest.json").read_text())
    assert manifest["target"] == {"python": "3.10", "platform": "manylinux_2_28_x86_64"}
    assets = json.loads((http.folder / "cdk.out" / "http.assets.json").read_text())["files"]
    assert len(assets) >= 3  # the code package, the applib, the deployment's handler


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
