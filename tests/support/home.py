"""Another home folder, below which interpreters are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

# They name folders outside of it; see `localcloud.interpreters`.
VARIABLES = ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME")


def move_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have this process and what it starts find interpreters on PATH and below a folder, and nowhere else."""
    monkeypatch.setenv("HOME", str(home))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
