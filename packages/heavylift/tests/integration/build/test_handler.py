"""A function that cannot be imported fails its build, with a sentence that says where and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heavylift.build.build import build
from heavylift.build.errors import BuildError
from heavylift.build.handler import try_handler
from heavylift.build.machine import find_interpreter
from heavylift.build.options import Options
from heavylift.build.reporter import Reporter
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, Target

HANDLER = "def handler(event, context):\n    return b''\n"
INDEX = "import markupsafe\n" + HANDLER


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built project."""
    project = tmp_path_factory.mktemp("project")
    for name, text in {
        "layers_build/applib.txt": "markupsafe==3.0.2\n",
        "function/index.py": INDEX,
        "weights/model.bin": "model",
    }.items():
        (project / name).parent.mkdir()
        (project / name).write_text(text)
    make(project)
    return project


def make(project: Path, handler: str = "index.handler") -> None:
    build(Options(root=project, model=project / "weights", handler=handler), Reporter())


BROKEN = {
    "a module that is not there": (
        "main.handler",
        HANDLER,
        r"handler main\.handler: .*has no module main; it has index",
    ),
    "a misspelled module": (
        "indx.handler",
        HANDLER,
        r"handler indx\.handler: .*has no module indx; did you mean index\?",
    ),
    "a misspelled function": (
        "index.handle",
        HANDLER,
        r"handler index\.handle: index has no handle; did you mean handler\?",
    ),
    "what is no function": (
        "index.handler",
        "handler = 1\n",
        r"handler index\.handler: .*is int, and cannot be called",
    ),
    "a library that was not asked for": (
        "index.handler",
        "import os\nimport absent.part\n" + HANDLER,
        r"function/index\.py, line 2: No module named 'absent'; add the package that holds it to applib\.txt",
    ),
    "a name that a library lacks": (
        "index.handler",
        "from markupsafe import nothing\n" + HANDLER,
        r"function/index\.py, line 1: cannot import name 'nothing' from 'markupsafe' .*; mend it, or ask for the version",
    ),
    "a module that is no Python": (
        "index.handler",
        "def handler(:\n",
        r"function/index\.py, line 1: invalid syntax; mend it$",
    ),
    "a process that ends": ("index.handler", "import os\nos._exit(7)\n", r"index.*the process ended with 7"),
}


def trial(project: Path, handler: str, source: str) -> str | None:
    """Try a function with the libraries that are built."""
    (applib,) = (path for path in (project / ".cache" / "heavylift").glob("applib-*") if path.is_dir())
    interpreter = find_interpreter(Target(LOCAL_PYTHON, DEFAULT_PLATFORM))
    assert interpreter is not None
    code = project / "dist" / "code"
    (code / "index.py").write_text(source)
    shutil.rmtree(code / "__pycache__", ignore_errors=True)  # its bytecode is taken as it is, whatever the source says
    return try_handler(
        handler,
        code=code,
        own=project / "function",
        applib=applib,
        interpreter=interpreter,
        requirements=Path("applib.txt"),
    )


@pytest.mark.parametrize("case", BROKEN)
def test_a_function_that_cannot_be_imported_is_refused(project: Path, case: str) -> None:
    handler, source, message = BROKEN[case]
    with pytest.raises(BuildError, match=message):
        trial(project, handler, source)


def test_what_the_build_cannot_judge_is_a_warning(project: Path) -> None:
    told = trial(project, "index.handler", "import os\nTABLE = os.environ['TABLE']\n" + HANDLER)
    assert told is not None
    assert "function/index.py, line 2: KeyError: 'TABLE'" in told
    assert trial(project, "index.handler", INDEX) is None


def test_a_warning_is_said_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter().warn("KeyError: '[/x] [bold]'")
    assert capsys.readouterr().out == "WARNING KeyError: '[/x] [bold]'\n"


def test_a_build_tries_the_function_anew_when_its_handler_or_its_libraries_change(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(project)
    capsys.readouterr()
    make(project)
    assert "import index.handler" not in capsys.readouterr().out
    manifest = (project / "dist" / "manifest.json").read_bytes()
    with pytest.raises(BuildError, match="has no handle;"):
        make(project, "index.handle")
    (project / "layers_build" / "applib.txt").write_text("six==1.17.0\n")
    with pytest.raises(BuildError, match=r"function/index\.py, line 1: No module named 'markupsafe'"):
        make(project)
    assert (project / "dist" / "manifest.json").read_bytes() == manifest
