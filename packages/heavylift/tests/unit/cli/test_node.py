from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from heavylift.clouds.node import with_node


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a Node.js that is too old for everything."""
    node = tmp_path / "node"
    node.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v14.21.3 || exit 1\n')
    node.chmod(0o755)
    return tmp_path


def test_the_cdk_gets_the_virtual_environments_node_whatever_stands_on_path(old: Path) -> None:
    path = f"{old}{os.pathsep}{os.environ['PATH']}"
    environment = with_node({"PATH": path})
    assert environment["PATH"] == path  # other programs have their own
    version = subprocess.check_output([environment["JSII_NODE"], "--version"], text=True)
    assert int(version.removeprefix("v").partition(".")[0]) >= 22
    assert environment["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] == "1"


def test_without_any_node_on_path_it_is_the_virtual_environments(tmp_path: Path) -> None:
    environment = with_node({"PATH": str(tmp_path)})
    assert environment["PATH"].split(os.pathsep) == [str(tmp_path), str(Path(environment["JSII_NODE"]).parent)]


def test_a_choice_of_the_users_own_stays() -> None:
    chosen = {"JSII_NODE": "/own/node", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": ""}
    assert chosen.items() <= with_node({"PATH": "", **chosen}).items()
