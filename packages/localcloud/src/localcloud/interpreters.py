"""The Pythons of this machine: found by version on PATH, or where pyenv and uv put them.

Sources of the variables that move these: pyenv, "Environment variables"; uv, "Environment variables".
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"  # the name of the version that runs this


def find_python(name: str) -> Path | None:
    """Return the interpreter of a version, outside any virtual environment; None when there is none.

    Args:
        name: `python3.10`.
    """
    for candidate in _candidates(name):
        python = real_python(candidate)
        if python is not None and version_of(python) == name:
            return python
    return None


def own_python() -> Path:
    """Return the interpreter that runs this, outside its virtual environment."""
    return real_python(sys.executable) or Path(sys.executable)


def real_python(executable: Path | str) -> Path | None:
    """Return the real file behind an interpreter, outside its virtual environment; None when it is not a Python that runs."""
    answer = _ask(str(executable))
    return Path(answer[0]).resolve() if answer else None


def version_of(python: Path) -> str | None:
    """Return the name of an interpreter's version, `python3.10`; None when it is not a Python that runs."""
    answer = _ask(str(python))
    return answer[1] if answer else None


def _candidates(name: str) -> Iterator[str]:
    if name == OWN:
        yield sys.executable
    on_path = which(name)
    if on_path:
        yield on_path
    version = name.removeprefix("python")
    if not re.fullmatch(r"\d+\.\d+", version):
        return
    for folder in _installations():
        with contextlib.suppress(PermissionError):  # a folder of another user's, whose variable came along
            yield from map(str, sorted(folder.glob(f"*{version}.*/bin/{name}")))


def _installations() -> Iterator[Path]:
    """Yield the folders in which pyenv and uv have a folder for each Python."""
    home, given = Path.home(), os.environ
    yield Path(given.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    data = Path(given.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield Path(given.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")


@functools.cache
def _ask(executable: str) -> tuple[str, str] | None:
    """Run an interpreter that tells its path and the name of its version."""
    code = "import sys; print(getattr(sys, '_base_executable', sys.executable)); print('python%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None  # not a Python that runs (a shim without its version, say): the next candidate may be
    path, _, version = answer.stdout.strip().partition("\n")
    return (path, version) if version.startswith("python") else None
