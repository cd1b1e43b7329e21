"""An app of the real CDK, whatever Node.js stands on PATH."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

Project = Any  # tests/integration/cli/conftest.py
APP = """
import os
from ros_cdk_core import App, Stack
app = App(outdir=os.environ["CDK_OUTDIR"], stack_traces=False)
Stack(app, "one")
app.synth()
"""
OLD = '#!/bin/sh\n[ "$1" = --version ] && { echo v14.21.3; exit; }\necho "SyntaxError: Unexpected token" >&2; exit 1\n'


@pytest.mark.node
def test_a_node_of_the_users_own_is_no_reason_for_warnings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    own = shutil.which("node")
    assert own
    monkeypatch.setenv("JSII_NODE", own)
    (project.folder / "app.py").write_text(APP)
    said = project.heavylift("diff")
    assert (said.code, said.error) == (0, "")


@pytest.mark.node
@pytest.mark.parametrize("with_old_one", [False, True])
def test_the_cdk_says_nothing_about_node(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_old_one: bool
) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    (project.folder / "app.py").write_text(APP)
    if with_old_one:
        (tmp_path / "node").write_text(OLD)
        (tmp_path / "node").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    said = project.heavylift("diff")
    assert (said.code, said.error) == (0, "")
