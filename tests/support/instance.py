"""An instance without a platform: the loader in a process of its own, against the embedded OSS."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import oss2
import pytest

from layers_build.model import export_model
from tests.support.loading import Packed, pack
from tests.support.paths import CODE_PATH, ROOT
from tests.support.waiting import turn

USER = """
import heavy
warm = []
def warmup():
    warm.append(1)
def handler(event, context):
    return f"{heavy.answer} {len(warm)} {event.decode()}"
"""


@dataclass(frozen=True)
class Outcome:
    """The end of a process: its exit code and output."""

    output: str
    errors: str
    code: int

    @property
    def starts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines() if line.startswith('{"event": "heavylift.start"')]

    @property
    def answers(self) -> list[str]:
        return [line for line in self.output.splitlines() if not line.startswith("{")]

    @property
    def error(self) -> dict[str, str]:
        """The error of the only start."""
        (start,) = self.starts
        error: dict[str, str] = start["error"]
        return error


@dataclass(frozen=True)
class Instance:
    """Runs Python code that has `loader` at hand, as an instance would.

    Attributes:
        environment: the function's variables.
        folder: where `AppLibDir` and `ModelDir` lie.
        code: the user's module.
        python: the interpreter.
    """

    environment: Mapping[str, str]
    folder: Path
    code: Path
    python: str = sys.executable
    prefix: tuple[str, ...] = field(default=())

    def with_variables(self, **variables: str) -> Instance:
        return replace(self, environment={**self.environment, **variables})

    def popen(self, script: str, **options: Any) -> subprocess.Popen[str]:
        """Start it; `options` are those of `subprocess.Popen`."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{CODE_PATH}:{self.code}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.environment,
        }
        return subprocess.Popen(
            [*self.prefix, self.python, "-c", f"import loader\n{textwrap.dedent(script)}"],
            env=environment,
            cwd=self.code,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, script: str = "loader.initializer(None)") -> Outcome:
        with self.popen(script) as process:
            try:
                output, errors = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Outcome(output, errors, process.returncode)

    @property
    def left(self) -> list[str]:
        """The files in the folder of the archives' directories, without locks."""
        return sorted(path.name for path in self.folder.iterdir() if path.suffix != ".lock")


@dataclass(frozen=True)
class Link:
    """The embedded OSS's link."""

    endpoint: str
    secret: str = field(repr=False)

    def set(self, *faults: dict[str, object], bandwidth: float = 0, latency: float = 0) -> None:
        body = {"shape": {"bandwidth": bandwidth, "latency": latency}, "faults": list(faults)}
        self._call("PUT", json.dumps(body).encode())

    @property
    def faults(self) -> list[dict[str, object]]:
        """The faults that may still strike."""
        faults: list[dict[str, object]] = self._call("GET")["faults"]
        return faults

    def _call(self, method: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.endpoint}/-/localcloud/link",
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self.secret}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def applib() -> Packed:
    """A library of about 30 MB that does not compress: many blocks, several requests."""
    noise = random.Random(7)
    files = {"heavy/__init__.py": b"from heavy.value import answer\n", "heavy/value.py": b"answer = 42\n"}
    return pack(files | {f"heavy/lib{number}.so": noise.randbytes(6_000_000) for number in range(5)})


@pytest.fixture(scope="session")
def model() -> Packed:
    return pack({"model.bin": b"weights" * 1000})


@pytest.fixture
def upload(bucket: oss2.Bucket, applib: Packed, model: Packed) -> oss2.Bucket:
    """A bucket that holds both archives."""
    bucket.put_object("applib/a.zip", applib.data)
    bucket.put_object("model/m.zip", model.data)
    return bucket


@pytest.fixture(scope="session")
def make_instance() -> Callable[[Mapping[str, str], Path], Instance]:
    """Make an instance without a module of the user: environment, folder."""
    return lambda environment, folder: Instance(environment, folder, folder)


@pytest.fixture
def instance(cloud: Any, upload: oss2.Bucket, applib: Packed, model: Packed, tmp_path: Path) -> Instance:
    """An instance whose environment is complete."""
    folder, code = tmp_path / "disk", tmp_path / "code"
    folder.mkdir()
    code.mkdir()
    (code / "user.py").write_text(USER)
    environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.access_key_secret,
        "AppLibObject": "applib/a.zip",
        "AppLibDigest": applib.digest,
        "AppLibDir": str(folder / "applib"),
        "ModelObject": "model/m.zip",
        "ModelDigest": model.digest,
        "ModelDir": str(folder / "model"),
        "Bucket": upload.bucket_name,
        "Endpoint": cloud.endpoints["oss"],
        "Region": cloud.region,
        "HandlerModule": "user.handler",
    }
    return Instance(environment, folder, code)


@pytest.fixture
def link(cloud: Any) -> Iterator[Link]:
    """The shared cloud's link; it is as it was after the test."""
    link = Link(cloud.endpoints["oss"], cloud.access_key_secret)
    yield link
    link.set()


@pytest.fixture(scope="session")
def libraries() -> Path:
    """TensorFlow and OpenCV, installed once into a folder that git ignores."""
    requirements = ["tensorflow-cpu==2.21.0", "opencv-python-headless==5.0.0.93"]
    folder = ROOT / ".cache" / "function-tests" / f"libraries-{'-'.join(requirements)}-{sys.implementation.cache_tag}"
    with turn(folder):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
                uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", f"{staging}/libraries"]
                subprocess.run([*uv, *requirements], check=True)
                Path(staging, "libraries").rename(folder)
    return folder


@pytest.fixture(scope="session")
def saved_model(libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's model."""
    folder = tmp_path_factory.mktemp("model") / "rotation"
    export_model(libraries, Path(sys.executable).resolve(), folder)
    return folder
