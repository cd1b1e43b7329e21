"""The Python or Node.js of a function's instances: of the version that its runtime names, or the one that it was told to run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances.nodes import OLDEST, find_node
from localcloud.fc.instances.packages import built_in_packages
from localcloud.fc.platform import RUNTIMES, Engine
from localcloud.interpreters import OWN, find_python, own_python, real_python, version_of
from localcloud.kernel.errors import LocalCloudError


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """The interpreters that instances run on: a Python, which the bootstrap needs in any case, and Node.js for its functions."""

    path: Path  # the real file, outside any virtual environment
    node: Path | None = None  # the real file
    note: str | None  # for the log, when it is not what the runtime names
    packages: Mapping[str, Path] = field(default_factory=dict)  # built into the runtime, by the names of their imports


def find_interpreter(runtime: str, forced: Path | None, named: str = "") -> Interpreter:
    """Return the interpreter for a function.

    Args:
        runtime: `python3.10`.
        forced: run every function on this one (what was built for one version does not import on another).
        named: the Python that the function names in its environment; empty: the runtime's.

    Raises:
        FcError: InstanceNotAllowed: the function names a Python that is not here, or needs a Node.js.
    """
    engine = RUNTIMES[runtime].engine if runtime in RUNTIMES else Engine.PYTHON
    if engine is Engine.PROGRAM:  # the Python runs the bootstrap alone
        return Interpreter(path=own_python(), note=None)
    if engine is Engine.NODE:
        return _find_node(runtime)
    if forced is not None:
        return _noted(runtime, real_python(forced) or forced, "as the embedded cloud was told to")
    wanted = named or runtime
    if python := find_python(wanted):
        return _noted(runtime, python, "as its variable LOCALCLOUD_PYTHON says")
    if wanted != runtime:
        raise FcError(
            "InstanceNotAllowed",
            f"the function's variable LOCALCLOUD_PYTHON names {wanted[:40]}, which is not installed here: install it "
            "(on PATH, or with uv or pyenv), or build for another Python and deploy again",
        )
    if runtime == "python3":
        why = "because the platform means python3.6 by it, which is not served here: what was built for that may not import"
    else:
        why = f"because no {runtime} is installed here: what was built for {runtime} may not import"
    return _noted(runtime, own_python(), why)


def check_interpreter(path: Path) -> None:
    """Refuse an interpreter that cannot run functions.

    Raises:
        LocalCloudError: it is not a Python that runs.
    """
    if version_of(path) is None:
        raise LocalCloudError(
            f"--fc-python {path} is not a Python that runs here; name an interpreter, /usr/bin/python3"
        )


def _find_node(runtime: str) -> Interpreter:
    wanted = runtime.removeprefix("nodejs").partition(".")[0]
    node = find_node(int(wanted))
    if node is None:
        raise FcError(
            "InstanceNotAllowed",
            f"{runtime} needs Node.js {OLDEST} or later, which is not installed here: put `node` on the PATH of the embedded cloud",
        )
    why = f"because no Node.js {wanted} is installed here"
    note = None if node.major == int(wanted) else f"{runtime} runs on Node.js {node.version}, {why}"
    return Interpreter(path=own_python(), node=node.path, note=note)


def _noted(runtime: str, path: Path, why: str) -> Interpreter:
    version = version_of(path)
    return Interpreter(
        path=path,
        note=None if version == runtime else f"{runtime} runs on {version or 'an unknown Python'}, {why}",
        packages=built_in_packages(runtime) if version == OWN else {},
    )
