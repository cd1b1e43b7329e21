"""Small builds, and the app run on them as `ros-cdk` runs it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from heavylift.clouds.node import with_node
from tests.support.builds import CODE, write_build
from tests.support.paths import ROOT

ACCOUNT = "1234567890123456"


@dataclass(frozen=True)
class Assembly:
    """The cloud assembly that a synth wrote."""

    folder: Path
    stack: str

    @property
    def template(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads((self.folder / f"{self.stack}.template.json").read_bytes()))

    @property
    def assets(self) -> list[tuple[str, str, bytes]]:
        """Bucket (with a place for the region), key and content of all that must be uploaded."""
        record = json.loads((self.folder / f"{self.stack}.assets.json").read_bytes())
        found = []
        for entry in record["files"].values():
            (place,) = entry["destinations"].values()
            path = self.folder / entry["source"]["path"]
            content = _zip(path) if entry["source"]["packaging"] == "zip" else path.read_bytes()
            found.append((place["bucketName"], place["objectKey"], content))
        return found

    def resources(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a type, by logical id."""
        found = self.template["Resources"].items()
        return {name: each["Properties"] for name, each in found if each["Type"] == f"ALIYUN::{kind}"}

    @property
    def files(self) -> dict[str, bytes]:
        """Every file of the assembly, by its path in it."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


def _zip(folder: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return stream.getvalue()


def _run(folder: Path, out: str, settings: dict[str, Any], path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        **({**os.environ, "PATH": path} if path else with_node(os.environ)),
        "PYTHONPATH": str(ROOT),
        "CDK_OUTDIR": out,
        "CDK_CONTEXT_JSON": json.dumps({"account": ACCOUNT, "dist": "dist", **settings}),
    }
    command = [sys.executable, "-m", "infra.app"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def assembly_of() -> Callable[[Path, str], Assembly]:
    """Return the assembly in a folder, of a stack."""
    return Assembly


@pytest.fixture
def run_app() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the app in a project's folder, whatever comes of it."""
    return _run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a build."""
    write_build(tmp_path / "dist", code=CODE)
    return tmp_path


@pytest.fixture
def first_layout() -> Callable[[str], str]:
    """Read the template of a generation in the first layout, with logs, as it was synthesized from the build of `project`."""
    return lambda generation: (Path(__file__).with_name("layouts") / f"{generation}.json").read_text()


@pytest.fixture
def rebuild(project: Path) -> Callable[..., None]:
    """Build the project anew: `content` of the archives, `code` added to the function."""

    def run(*, content: bytes = b"archive", code: str = "", imported: bool = True) -> None:
        write_build(project / "dist", content=content, code=CODE + code, imported=imported)

    return run


@pytest.fixture(scope="session")
def synth() -> Callable[..., Assembly]:
    """Synthesize a project with settings."""

    def run(folder: Path, out: str = "cdk.out", **settings: Any) -> Assembly:
        done = _run(folder, out, settings)
        assert done.returncode == 0, done.stderr
        return Assembly(folder / out, settings.get("stackName", "heavylift"))

    return run
