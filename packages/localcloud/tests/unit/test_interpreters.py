"""Where the Pythons of this machine are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.interpreters import find_python

NAME = "python3.99"


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("PYENV_ROOT", "versions/3.99.1/bin"),
        ("UV_PYTHON_INSTALL_DIR", "cpython-3.99.1-linux-x86_64-gnu/bin"),
        ("XDG_DATA_HOME", "uv/python/cpython-3.99.1-linux-x86_64-gnu/bin"),
        ("HOME", ".pyenv/versions/3.99.1/bin"),
        ("HOME", ".local/share/uv/python/cpython-3.99.1-linux-x86_64-gnu/bin"),
    ],
)
def test_a_python_is_found_where_the_variables_of_pyenv_and_uv_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    for each in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    python = tmp_path / folder / NAME
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\necho "$0"\necho {NAME}\n'
    )  # answers as an interpreter does that is asked for its version
    python.chmod(0o755)
    assert find_python(NAME) == python
