"""The files that run inside of instances, before and beside the function's: one folder for all instances, which none can write.

Python compiles what it loads with every start where it cannot keep the bytecode, and in an instance it cannot. So the bytecode is
made here, once for each Python that instances run on.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from pathlib import Path

from localcloud.gateway import redirect

_BESIDE = Path(__file__).parent
START = _BESIDE / "start.py"
REDIRECT = Path(redirect.__file__)
PRELOAD = REDIRECT.with_name("preload")  # redirects the Python programs that a function starts
# What `start.py` loads, what that loads, and what Node.js runs in its place.
FILES = (
    *(START, REDIRECT),
    *(
        _BESIDE / f"{name}.py"
        for name in ("bootstrap", "failures", "logged", "program", "surroundings", "wire", "wsgi")
    ),
    _BESIDE / "nodejs.cjs",
)
# Loading a file's code leaves its bytecode beside it.
_COMPILE = """
import sys
from importlib.machinery import SourceFileLoader
for path in sys.argv[1:]:
    SourceFileLoader("compiled", path).get_code("compiled")
"""


class InsideFolder:
    """The folder.

    Args:
        path: where it lies on this machine; what an embedded cloud before this one has left there is replaced.
        authority: the certificate (PEM) of the embedded cloud.
    """

    AUTHORITY = "authority.pem"  # the file with that certificate alone

    def __init__(self, path: Path, *, authority: str) -> None:
        self.path = path
        self._authority = authority
        self._making = threading.Lock()
        self._compiled: set[Path] = set()  # the Pythons

    def make_ready(self, python: Path) -> None:
        """Make the folder, and its bytecode for a Python; what is there already stays."""
        with self._making:
            if not self._compiled:
                self._make()
            if python not in self._compiled:
                self._compiled.add(python)
                command = [str(python), "-I", "-S", "-c", _COMPILE, *map(str, sorted(self.path.rglob("*.py")))]
                with contextlib.suppress(OSError, subprocess.SubprocessError):  # it compiles with every start then
                    subprocess.run(command, check=False, capture_output=True, timeout=20, umask=0o022)

    def _make(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(PRELOAD, self.path / PRELOAD.name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copyfile(file, self.path / file.name)
        (self.path / self.AUTHORITY).write_text(self._authority, encoding="ascii")
        for each in (self.path, *self.path.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)  # the function is another user
