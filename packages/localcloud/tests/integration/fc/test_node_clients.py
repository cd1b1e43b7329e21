"""The embedded Function Compute with its official Node clients: @alicloud/fc2 and @alicloud/fc20230330."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Running = Any  # the running cloud of tests/support/cloud.py
HERE = Path(__file__).parent / "node"
pytestmark = pytest.mark.node
SHARED = {
    "runtime": "python3.10",
    "concurrency": 5,
    "invoked": "python hello",
    "updated": "changed",
    "functions": ["node", "python"],
    "trigger": "http",
    "version": "1",
    "alias": "1",
    "byAlias": "python alias",
    "published": 1,
    "layers": 1,
    "taken": "FunctionAlreadyExists",
    "missing": "FunctionNotFound",
}
EXPECTED = {
    "fc2": {
        **SHARED,
        "service": "made by Node",
        "byArn": True,
        "node": ["node there", True],
        "accepted": True,
        "triggers": ["function"],
        "forged": "SignatureNotMatch",
        "gone": "ServiceNotFound",
    },
    "fc3": {
        **SHARED,
        "node": "node there",
        "accepted": 202,
        "triggers": ["web"],
        "forged": "SignatureDoesNotMatch",
        "gone": "FunctionNotFound",
    },
}


@pytest.fixture(scope="module")
def project(node_project: Callable[[Path, str], Path]) -> Path:
    """The clients, installed."""
    return node_project(HERE, "fc-node-tests")


@pytest.mark.parametrize("client", list(EXPECTED))
def test_everyday_calls(
    project: Path, node_path: str, cloud: Running, zip_of: Callable[..., bytes], client: str
) -> None:
    def package(name: str, content: str) -> str:
        return base64.b64encode(zip_of({name: content})).decode()

    environment = {
        "PATH": node_path,
        "ENDPOINT": cloud.endpoints["fc"],
        "ACCOUNT": cloud.account_id,
        "REGION": cloud.region,
        "KEY_ID": cloud.access_key_id,
        "KEY_SECRET": cloud.access_key_secret,
        "SUFFIX": uuid.uuid4().hex[:8],
        "PYTHON_CODE": package("index.py", "def handler(event, context):\n    return 'python ' + event.decode()\n"),
        "NODE_CODE": package("index.js", "exports.handler = async (event) => `node ${event}`;\n"),
        "LAYER_CODE": package("python/shared.py", "A = 1\n"),
    }
    done = subprocess.run(
        ["node", f"{client}.mjs"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EXPECTED[client]
