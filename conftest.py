"""Fixtures of all tests, and the bytecode of what they run.

Where PYTHONDONTWRITEBYTECODE is set, as in many containers, each worker would rewrite and compile all tests anew, and each command
and embedded cloud that they start would compile our sources.
"""

import compileall
import os
import sys
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.cloud", "tests.support.instance"]

sys.dont_write_bytecode = False  # of this process; those that it starts only read


def pytest_configure(config: pytest.Config) -> None:
    """Compile the sources that have changed; of xdist's processes, the one that starts the others does.

    Builds of tests keep what they made within their projects, which go, and not in a folder of the user's.
    """
    os.environ["HEAVYLIFT_CACHE"] = ".cache/heavylift"
    if not hasattr(config, "workerinput"):
        for sources in Path(__file__).parent.glob("packages/*/src"):
            compileall.compile_dir(sources, quiet=1)
