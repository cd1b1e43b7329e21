"""The embedded OSS with ali-oss, the official Node client."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cloud import Cloud

HERE = Path(__file__).parent / "node"
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def project(node_project: Callable[[Path, str], Path]) -> Path:
    """The client, installed."""
    return node_project(HERE, "node-tests")


def test_everyday_calls(project: Path, node_path: str, cloud: Cloud) -> None:
    environment = {
        "PATH": node_path,
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
