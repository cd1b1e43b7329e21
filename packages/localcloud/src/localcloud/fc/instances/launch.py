"""The launch of an instance's process, and the interface of what prepares it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localcloud.fc.attachments import Nas
from localcloud.fc.instances.copies import Copies
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.mounts import Mounts
from localcloud.fc.instances.sysctl import KernelSettings
from localcloud.fc.instances.userns import IdentityMap
from localcloud.fc.model import Function

LAYERS = "/opt"  # as the function sees it
TMP = "/tmp"  # noqa: S108 - as the function sees it; the folder behind it is the instance's own
# The last step before the function, when nothing of this machine is in reach any more: only there its variables count. Before,
# LD_PRELOAD would have a library of the code package run outside of the sandbox.
EXPORT = ("/bin/sh", "-c", '. /dev/stdin && exec "$@" < /dev/null', "sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A way to start an instance's process."""

    command: Sequence[str]  # to which the bootstrap's arguments are appended
    environment: Mapping[str, str]  # of the command
    # Returns the shell script that makes an environment the function's. The command reads it from its standard input, last of all.
    exports: Callable[[Mapping[str, str]], str]
    folder: Path  # the working folder to start it in
    layers: str  # the folder of the function's layers, as the function sees it
    packages: str  # the folder of the runtime's built-in packages, as the function sees it
    note: str | None = None  # the missing parts of a sandbox, for the log of the start
    warning: str | None = None  # that there is no sandbox, for the log of every invocation
    ids: IdentityMap | None = None  # to be written once the command was started
    settings: KernelSettings | None = None  # to be closed then
    mounts: Mounts | None = None  # likewise
    copies: Copies | None = None  # likewise
    drops: bool = False  # the function runs as `nobody` on this machine
    own_network: bool = False  # the bootstrap has to open the embedded cloud's ports
    listens: bool = False  # and those of the web and of the resolver
    bounds_processes: bool = False  # the kernel counts them for this instance alone
    supervised: bool = False  # the first process is the embedded cloud's own, and works on when the instance is frozen

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that the command has to inherit."""
        given = (self.ids, self.settings, self.mounts, self.copies)
        return [descriptor for each in given if each for descriptor in each.descriptors]

    def close_inherited(self) -> None:
        """Close the descriptors that the command has, once it was started; those of the ids are still needed."""
        for each in (self.settings, self.mounts, self.copies):
            if each:
                each.close()

    def close(self) -> None:
        """Close the descriptors that are left."""
        self.close_inherited()
        if self.ids:
            self.ids.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceSpec:
    """The parts that an instance is started from.

    Attributes:
        folder: an empty folder of the instance's own, removed after it.
        code: the unpacked code package.
        layers: the files of the function's layers; None: it has none.
        interpreter: the Python to run, and the packages that its runtime has built in.
        function: says how much disk and memory it may use.
        nas: the file systems that it mounts.
    """

    folder: Path
    code: Path
    layers: Path | None
    interpreter: Interpreter
    function: Function
    nas: Nas


def exports(environment: Mapping[str, str]) -> str:
    """Return the shell script that exports an environment and nothing else, whose names are identifiers."""
    return "".join(
        ["unset PATH PWD OLDPWD\n", *(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())]
    )


class Isolation(Protocol):
    """One way to keep instances apart."""

    kind: str  # for the ready line: bubblewrap, unsandboxed or missing

    def make_ready(self, interpreter: Interpreter) -> None:
        """Make what instances on an interpreter share; the first time takes a moment."""

    def prepare(self, spec: InstanceSpec) -> Launch:
        """Return how to start an instance.

        Raises:
            FcError: InstanceNotAllowed; InvalidArgument: a directory of a file system cannot be mounted.
        """

    def disk_used(self, folder: Path, pid: int) -> int:
        """Return the bytes on an instance's disk; 0 after its end.

        Args:
            folder: the instance's folder.
            pid: of its process.
        """

    def shared_memory_used(self, pid: int) -> int:
        """Return the bytes in an instance's `/dev/shm`; 0 after its end, and where it has none of its own.

        Args:
            pid: of its process.
        """
