"""Which Python runs a function: the version that its runtime names, found on PATH or where uv and pyenv put it."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

from localcloud.fc.errors import FcError
from localcloud.fc.instances.packages import built_in_packages
from localcloud.kernel.errors import LocalCloudError


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A Python to run instances with."""

    path: Path  # the real file, outside any virtual environment
    note: str | None  # for the log, when it is not what the runtime names
    packages: Mapping[str, Path] = field(default_factory=dict)  # built into the runtime, by the names of their imports


def find_interpreter(runtime: str, forced: Path | None, named: str = "") -> Interpreter:
    """Return the interpreter for a function.

    Args:
        runtime: `python3.10`.
        forced: run every function on this one (what was built for one version does not import on another).
        named: the Python that the function names in its environment; empty: the runtime's.

    Raises:
        FcError: InstanceNotAllowed: the function names a Python that is not here.
    """
    if forced is not None:
        return _noted(runtime, _base(str(forced)) or forced, "as the embedded cloud was told to")
    wanted = named or runtime
    for candidate in _candidates(wanted):
        base = _base(candidate)
        if base is not None and _version(base) == wanted:
            return _noted(runtime, base, "as its variable LOCALCLOUD_PYTHON says")
    if wanted != runtime:
        raise FcError(
            "InstanceNotAllowed",
            f"the function's variable LOCALCLOUD_PYTHON names {wanted[:40]}, which is not installed here: install it "
            "(on PATH, or with uv or pyenv), or build for another Python and deploy again",
        )
    own = _base(sys.executable) or Path(sys.executable)
    return _noted(runtime, own, f"because no {runtime} is installed here: what was built for {runtime} may not import")


def check_interpreter(path: Path) -> None:
    """Refuse what cannot run functions.

    Raises:
        LocalCloudError: it is not a Python that runs.
    """
    if _ask(str(path)) is None:
        raise LocalCloudError(
            f"--fc-python {path} is not a Python that runs here; name an interpreter, /usr/bin/python3"
        )


def _noted(runtime: str, path: Path, why: str) -> Interpreter:
    version = _version(path)
    own = version == f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Interpreter(
        path=path,
        note=None if version == runtime else f"{runtime} runs on {version}, {why}",
        packages=built_in_packages() if own else {},
    )


def _candidates(runtime: str) -> Iterator[str]:
    if _version(Path(sys.executable)) == runtime:
        yield sys.executable
    on_path = which(runtime)
    if on_path:
        yield on_path
    version = runtime.removeprefix("python")
    if not re.fullmatch(r"\d+\.\d+", version):
        return
    for folder in (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"):
        for found in sorted(folder.glob(f"*{version}.*/bin/{runtime}")):
            yield str(found)


@functools.cache
def _ask(executable: str) -> tuple[str, str] | None:
    code = "import sys; print(getattr(sys, '_base_executable', sys.executable)); print('python%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None  # not a Python that runs (a shim without its version, say): the next candidate may be
    base, _, version = answer.stdout.strip().partition("\n")
    return (base, version) if version.startswith("python") else None


def _base(executable: str) -> Path | None:
    answer = _ask(executable)
    return Path(answer[0]).resolve() if answer else None


def _version(path: Path) -> str:
    answer = _ask(str(path))
    return answer[1] if answer else "an unknown Python"
