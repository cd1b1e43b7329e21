"""The two isolations of a machine without bubblewrap: a folder for each instance, and none at all.

`Folder` moves paths under `/tmp` in an instance's environment to a folder of its own; disk use is watched rather than bounded, and
the function can do whatever the user who runs the embedded cloud can. As root, that has to be asked for: otherwise `Refusal`
starts nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from localcloud.fc.errors import FcError
from localcloud.fc.instances import supervisor
from localcloud.fc.instances.inside import REDIRECT, START
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import EXPORT, TMP, InstanceSpec, Launch, exports

logger = logging.getLogger(__name__)


class Folder:
    """Isolation by nothing more than a folder for each instance.

    Args:
        why: there is nothing better.
    """

    kind = "unsandboxed"

    def __init__(self, why: str) -> None:
        self._warning = (
            f"{why}: functions run UNSANDBOXED, with all rights of the user who runs the embedded cloud: they can read the "
            "account's key and every file that you can, and reach every port of this machine; /code and /tmp are folders of the "
            "instance's own, and its disk is watched, not bounded"
        )
        logger.warning(self._warning)

    def make_ready(self, interpreter: Interpreter) -> None:
        """See `Isolation.make_ready`."""

    def prepare(self, spec: InstanceSpec) -> Launch:
        """See `Isolation.prepare`."""
        if spec.nas.mounts:
            raise FcError("InstanceNotAllowed", "no file system is mounted without a sandbox: install bubblewrap")
        temporary, packages = spec.folder / "tmp", spec.folder / "packages"
        for each in (temporary, packages):
            each.mkdir()
        for name, path in spec.interpreter.packages.items():
            (packages / name).symlink_to(path)
        seen = str(spec.layers or spec.folder / "layers")
        own = {"FC_FUNC_CODE_PATH": str(spec.code), "TMPDIR": str(temporary)}
        return Launch(
            # bubblewrap ends an instance with the platform; here the kernel is asked to
            command=[
                *("setpriv", "--pdeathsig", "TERM", sys.executable, "-I", "-S", supervisor.__file__),
                *("setpriv", "--pdeathsig", "KILL", *EXPORT, str(spec.interpreter.path), "-I", "-S"),
                *(str(START), str(REDIRECT)),
            ],
            environment={"PATH": os.defpath},
            exports=lambda given: exports({name: _move(value, temporary) for name, value in given.items()} | own),
            folder=spec.code,
            layers=seen,
            packages=str(packages),
            warning=self._warning,
            supervised=True,
        )

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        used = 0
        for parent, _, names in os.walk(folder):
            for name in names:
                try:
                    used += os.lstat(Path(parent) / name).st_blocks * 512
                except FileNotFoundError:
                    continue  # it was removed meanwhile
        return used

    def shared_memory_used(self, pid: int) -> int:
        """See `Isolation.shared_memory_used`."""
        return 0  # all programs of this machine share it


def _move(value: str, temporary: Path) -> str:
    path = Path(value)
    return str(temporary / path.relative_to(TMP)) if path.is_relative_to(TMP) else value


class Refusal:
    """Starts nothing: without a sandbox, a function that root runs could do anything on this machine.

    Args:
        why: there is no sandbox.
    """

    kind = "missing"

    def __init__(self, why: str) -> None:
        self._message = (
            f"functions are not run: {why}, and without it a function that root runs can do anything on this machine: install it, "
            "run the embedded cloud as another user, or start it with --fc-unsandboxed if you trust every function"
        )
        logger.warning(self._message)

    def make_ready(self, interpreter: Interpreter) -> None:
        """See `Isolation.make_ready`."""

    def prepare(self, spec: InstanceSpec) -> Launch:
        """See `Isolation.prepare`."""
        raise FcError("InstanceNotAllowed", self._message)

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        return 0

    def shared_memory_used(self, pid: int) -> int:
        """See `Isolation.shared_memory_used`."""
        return 0
