"""The two packages as users get them: built, installed into new environments, and used outside any clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT

UV = str(Path(sys.executable).with_name("uv"))
VERSIONS = (
    "--constraint",
    str(ROOT / "requirements-dev.txt"),
    "--override",
    str(ROOT / "requirements-dev-overrides.txt"),
)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Nothing leads back to the clone, nor to the environment that runs the tests.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONPATH", "VIRTUAL_ENV") and "CLOUD" not in name
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The wheels of both packages by the name of what they install."""
    folder = tmp_path_factory.mktemp("wheels")
    options = ("--wheel", "--no-build-isolation", "--python", sys.executable, "--quiet", "--out-dir", folder)
    run(UV, "build", "--all-packages", *options, cwd=ROOT)
    names = {"localcloud": "aliyun_localcloud-*.whl", "heavylift": "heavylift-*.whl"}
    return {name: next(folder.glob(pattern)) for name, pattern in names.items()}


def environment(folder: Path, *packages: str | Path) -> Path:
    """Make a virtual environment with these packages, and return the folder of its commands."""
    run(UV, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", python, *VERSIONS, *packages, cwd=folder.parent)
    return python.parent


@contextmanager
def started(command: Path, data: Path) -> Iterator[Mapping[str, str]]:
    """Run an embedded cloud while the context lasts; yield its endpoints."""
    process = subprocess.Popen(
        [command, "--data", data], cwd=data.parent, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def test_the_embedded_cloud_alone_is_installed_and_takes_an_object(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    commands = environment(tmp_path / "env", wheels["localcloud"], "oss2")
    program = """
    import json, sys, oss2
    account = json.load(open(sys.argv[1]))
    auth = oss2.AuthV4(account["access_key_id"], account["access_key_secret"])
    bucket = oss2.Bucket(auth, sys.argv[2], "first-bucket", region=sys.argv[3])
    bucket.create_bucket()
    bucket.put_object("first", b"content")
    print(bucket.get_object("first").read().decode())
    """
    with started(commands / "localcloud", tmp_path / "data") as endpoints:
        account = tmp_path / "data" / "account.json"
        words = ("-c", textwrap.dedent(program), account, endpoints["oss"], endpoints["region"])
        assert run(commands / "python", *words, cwd=tmp_path) == "content\n"
    listed = run(UV, "pip", "list", "--python", commands / "python", cwd=tmp_path)
    assert "heavylift" not in listed


def test_heavylift_builds_a_project_outside_any_clone(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    commands = environment(tmp_path / "env", *wheels.values())
    assert "deploy" in run(commands / "heavylift", "--help", cwd=tmp_path)
    assert "deploy" in run(commands / "python", "-m", "heavylift", "--help", cwd=tmp_path)
    project = tmp_path / "mine"
    for name, text in {
        "layers_build/applib.txt": "six==1.17.0\n",
        "function/index.py": "import six\n\ndef handler(event, context):\n    return six.__version__\n",
        "weights/model.bin": "model",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    program = """
    from pathlib import Path
    from heavylift.build.build import build
    from heavylift.build.report import Report
    build(Options(root=Path.cwd(), model=Path("weights")), Report())
    """
    run(commands / "python", "-c", textwrap.dedent(program), cwd=project)
    code = project / "dist" / "code"
    assert {path.name for path in code.iterdir()} == {"index.py", "loader.py", "heavylift", "vendor", "__pycache__"}
    script = "import loader, heavylift; print(heavylift.__file__); print(loader.handler.__module__)"
    told = run(sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(code)!r}); {script}", cwd=tmp_path)
    assert told.splitlines() == [str(code / "heavylift" / "__init__.py"), "heavylift.runtime.loader"]
