"""The build that an app makes when it runs, with a small real package from the registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from heavylift.build.machine import find_interpreter
from heavylift.cdk.arguments import FunctionSettings
from heavylift.cdk.building import plan_build
from heavylift.cdk.errors import InfraError
from heavylift.cdk.facts import Facts
from heavylift.clouds.node import with_node
from heavylift.contracts.manifest import Build
from heavylift.contracts.platform import LOCAL_PYTHON, RUNTIMES
from tests.support.home import move_home

SETTINGS = FunctionSettings(requirements="requirements.txt", model="weights", runtime="python3.10")
UNCHANGED = 1.0  # seconds of this process for a build without work
Make = Callable[..., Build]


@pytest.fixture
def make(project_of_six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make the build of a copy of a project that was built."""
    folder = shutil.copytree(project_of_six, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(folder)
    return build_here


@pytest.fixture(scope="module")
def project_of_six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose function needs six, built."""
    folder = tmp_path_factory.mktemp("six")
    for name, text in {
        "requirements.txt": "six==1.17.0\n",
        "function/index.py": "import six\n\n\ndef handler(event, context):\n    return six.__version__\n",
        "weights/model.bin": "model",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as context:
        context.chdir(folder)
        build_here()
    return folder


def build_here(settings: FunctionSettings = SETTINGS, facts: Facts = Facts(python=LOCAL_PYTHON)) -> Build:  # noqa: B008 - frozen
    return plan_build(settings, facts, output=Path("dist"))()


def test_a_build_without_work_is_quick_and_silent(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path("dist").rglob("*")}
    make()  # finds interpreters, which is remembered
    begin = time.process_time()
    make()
    assert time.process_time() - begin < UNCHANGED
    assert capfd.readouterr() == ("", "")
    assert {path: path.stat().st_mtime_ns for path in Path("dist").rglob("*")} == before


def test_a_changed_file_is_built_and_said_on_the_standard_error(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    before = make()
    Path("function", "index.py").write_text("def handler(event, context):\n    return 'changed'\n")
    after = make()
    said = capfd.readouterr()
    assert (said.out, "code    built" in said.err, "applib  unchanged" in said.err) == ("", True, True)
    assert (after.applib, after.model) == (before.applib, before.model)
    assert after.code.digest != before.code.digest
    assert "changed" in (after.code.path / "index.py").read_text()


def test_a_model_that_the_app_no_longer_names_is_no_part_of_the_build(make: Make) -> None:
    assert make().model is not None
    without = make(FunctionSettings(requirements="requirements.txt"))
    assert without.model is None
    assert list(Path("dist", "model").iterdir()) == []
    assert make().model is not None


def test_functions_have_builds_of_their_own(make: Make) -> None:
    settings = FunctionSettings(requirements="requirements.txt")
    other = plan_build(settings, Facts(python=LOCAL_PYTHON), output=Path("dist/Other"))()
    assert other.code.path == Path.cwd() / "dist" / "Other" / "code"
    assert make().code.digest == other.code.digest
    Path("index.py").write_text("def handler(event, context): ...")
    everything = FunctionSettings(requirements="requirements.txt", code=".")
    code = plan_build(everything, Facts(python=LOCAL_PYTHON), output=Path("dist/All"))().code.path
    assert not (code / "dist").exists()  # neither this build nor the others


APP = """
from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    for name in ("mine", "other"):
        given = {"code": name, "requirements": "requirements.txt", "memory": 512, "cpu": 0.5, "disk": 512}
        HeavyFunction(HeavyStack(app, name), "Fn", **given)
"""


@pytest.mark.node
def test_functions_of_one_id_in_two_stacks_have_builds_of_their_own(make: Make) -> None:
    for name in ("mine", "other"):
        Path(name).mkdir()
        Path(name, "index.py").write_text(f"def handler(event, context):\n    return {name!r}\n")
    Path("app.py").write_text(APP)
    context = {"account": "1234567890123456", "localBuild": True, "heavylift:python": LOCAL_PYTHON}
    environment = {**with_node(os.environ), "CDK_CONTEXT_JSON": json.dumps(context)}
    done = subprocess.run([sys.executable, "app.py"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for folder, name in (("dist/Fn", "mine"), ("dist/other/Fn", "other")):
        assert repr(name) in Path(folder, "code", "index.py").read_text()


def test_the_runtimes_python_is_the_one_to_build_for(make: Make) -> None:
    if find_interpreter(RUNTIMES["python3.10"].target) is None:
        pytest.skip("it is not here")
    assert make(facts=Facts(local_build=True)).target.python == "3.10"


def test_where_it_is_not_here_the_embedded_cloud_gets_a_build_for_this_python(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if LOCAL_PYTHON in ("3.10", "3.12"):
        pytest.skip("this Python is a runtime's")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    move_home(monkeypatch, tmp_path)
    build = make(facts=Facts(local_build=True))
    assert build.target.python == LOCAL_PYTHON
    said = capfd.readouterr().err
    assert said.startswith(
        f"there is no Python 3.10 here: this build is for Python {LOCAL_PYTHON}, on which the embedded"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "model: there is no file model.py; name one with `export_model`"),
        ("import nowhere", "model: model.py cannot be loaded (ModuleNotFoundError: No module named 'nowhere')"),
        ("", "model: model.py has no `export_model(applib, interpreter, target)`"),
    ],
)
def test_a_model_file_that_cannot_be_used_is_named(make: Make, content: str | None, said: str) -> None:
    if content is not None:
        Path("model.py").write_text(content)
    with pytest.raises(InfraError) as caught:
        make(FunctionSettings(requirements="requirements.txt", model="model.py"))
    assert str(caught.value).startswith(said)


def test_an_empty_folder_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("function", "weights"):
        Path(name).mkdir()
    Path("requirements.txt").touch()
    with pytest.raises(InfraError, match="model: the folder weights is empty; put the model into it"):
        build_here()
    assert not Path("dist").exists()


def test_a_model_file_writes_the_model_with_the_libraries(make: Make) -> None:
    Path("model.py").write_text(
        "import subprocess\n\n\ndef export_model(applib, interpreter, target):\n"
        "    target.mkdir()\n"
        "    code = 'import sys; sys.path.insert(0, sys.argv[1]); import six; print(six.__version__)'\n"
        "    said = subprocess.check_output([interpreter, '-c', code, applib])\n"
        "    (target / 'version').write_bytes(said)\n"
    )
    build = make(FunctionSettings(requirements="requirements.txt", model="model.py"))
    assert build.model is not None
    assert build.model.files == 1


def test_functions_with_equal_libraries_share_one_build_of_them(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    first = make()
    capfd.readouterr()
    Path("other").mkdir()
    Path("other", "index.py").write_text("import six\n\n\ndef handler(event, context):\n    return 'other'\n")
    settings = FunctionSettings(requirements="requirements.txt", code="other", model="weights")
    other = plan_build(settings, Facts(python=LOCAL_PYTHON), output=Path("dist/Other"))()
    said = capfd.readouterr().err
    assert ("import index.handler" in said, "pack applib" in said, "clean process" in said) == (True, False, False)
    assert (other.applib.digest, other.model and other.model.digest) == (
        first.applib.digest,
        first.model and first.model.digest,
    )
    assert other.applib.path.samefile(first.applib.path)
    assert other.code.digest != first.code.digest
    assert list(Path(".cache/heavylift/functions/Other").glob("applib-*")) == []
    Path("requirements.txt").write_text("six==1.16.0\n")
    make(settings=FunctionSettings(requirements="requirements.txt"))
    assert other.applib.path.is_file()  # what another function needs stays
