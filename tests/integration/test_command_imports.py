"""Imports of commands: the users wait for them before anything is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each takes from 0.05 s to 0.5 s to import; the commands that need one import it themselves.
HEAVY = frozenset(
    {
        "PIL",
        "aiohttp",
        "alibabacloud_credentials",
        "alibabacloud_fc20230330",
        "alibabacloud_fc_open20210406",
        "alibabacloud_ros20190910",
        "alibabacloud_sts20150401",
        "isal",
        "localcloud.server",
        "matplotlib",
        "numpy",
        "oss2",
        "requests",
        "rich",
        "yaml",
        "zstandard",
    }
)
OF_ROS = frozenset({"aiohttp", "alibabacloud_credentials", "alibabacloud_ros20190910", "requests"})
STATUS = """
from pathlib import Path
from heavylift.cli import commands
from heavylift.clouds.embedded import SERVICES, Endpoints
from heavylift.clouds.session import local_session

services = dict.fromkeys(SERVICES, "http://127.0.0.1:1")
key = {"access_key_id": "id", "access_key_secret": "secret"}
endpoints = Endpoints(account_id="1", region="cn-hangzhou", authority="ca.pem", **services, **key)
local_session(endpoints, Path()).ros_client()
"""


def heavy_imports(program: str, *arguments: str) -> set[str]:
    """Return which of the heavy modules a program has imported when it ends."""
    report = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    done = subprocess.run(
        [sys.executable, "-c", report + program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {*done.stderr.split()} & HEAVY


def test_help_imports_nothing_heavy() -> None:
    assert heavy_imports("from heavylift.cli.main import main; main()", "--help") == set()


def test_status_imports_the_client_of_ros_alone() -> None:
    assert heavy_imports(STATUS) == OF_ROS
