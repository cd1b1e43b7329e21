"""Clean processes of a target's Python: they see the standard library and what they are given, and nothing of the user's."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

# -I would leave the working folder out, too, and also ignore PYTHONHASHSEED.
_BEGIN = 'import sys\nsys.path.remove("")\n'
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}


def run_clean(
    interpreter: Path,
    program: str,
    arguments: Sequence[str],
    *,
    read: str = "",
    folder: Path | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and return what it wrote.

    Args:
        interpreter: the Python.
        program: its text.
        arguments: of it, in `sys.argv[1:]`.
        read: what it reads from its standard input.
        folder: that it runs in; None: this process's.
        seconds: that it may take; None: as long as it does.

    Raises:
        subprocess.TimeoutExpired: it took longer.
        OSError: it cannot be run.
    """
    return subprocess.run(
        [str(interpreter), "-s", "-S", "-B", "-c", _BEGIN + program, *arguments],
        input=read,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=_ENVIRONMENT,
        timeout=seconds,
    )
