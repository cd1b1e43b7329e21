"""Where an instance runs: what it sees as /code and /tmp, and what it cannot see.

`Sandbox` uses bubblewrap: a process tree of its own in namespaces of its own (user, processes, network, IPC), without any
capability, with read-only system folders, its own `/code`, and a `/tmp` of the function's disk size, the only place on its disk
that can be written, so that a full disk is a real ENOSPC. Where bubblewrap is missing or not permitted, `Folder` gives each
instance a folder of its own instead: paths under `/tmp` in its environment are moved there, disk use is watched rather than
bounded, and the function can do whatever the user who runs the embedded cloud can. As root, that has to be asked for: otherwise
`Refusal` starts nothing."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.instances import supervisor, userns
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.usage import find_folder
from localcloud.fc.model import MB, Function
from localcloud.gateway import redirect

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
logger = logging.getLogger(__name__)
TMP = "/tmp"  # noqa: S108 - as the function sees it; what lies behind it is the instance's own
SHM = "/dev/shm"  # noqa: S108 - likewise
REDIRECT = Path(redirect.__file__)
PRELOAD = REDIRECT.with_name("preload")  # what the Python programs that a function starts are redirected by
INSIDE = "/var/fc/runtime"
# What programs expect to find in /etc; the rest of the host's stays out of sight. Without resolv.conf no name of the world outside
# resolves: whatever an instance does, it cannot reach a real account.
ETC = ("ssl", "ca-certificates", "hosts", "nsswitch.conf", "passwd", "group", "localtime", "mime.types")


# The last step before the function, when nothing of this machine is in reach any more: only there its variables count. Before,
# LD_PRELOAD would have a library of the code package run outside of the sandbox.
EXPORT = ("/bin/sh", "-c", '. /dev/stdin && exec "$@" < /dev/null', "sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to start an instance's process."""

    command: Sequence[str]  # to which the bootstrap's arguments are appended
    environment: Mapping[str, str]  # of the command
    exports: (
        str | None
    )  # what its last step makes the function's environment of, read from standard input; None: nothing is read
    folder: Path  # the working folder to start it in
    packages: str  # the folder of the runtime's built-in packages, as the function sees it
    note: str | None = None  # what of a sandbox is missing, for the log of the start
    warning: str | None = None  # that there is no sandbox, for the log of every invocation
    ids: userns.IdentityMap | None = None  # to be written once the command was started
    drops: bool = False  # the function runs as `nobody` on this machine
    own_network: bool = False  # the bootstrap has to open the embedded cloud's ports
    bounds_processes: bool = False  # the kernel counts them for this instance alone
    supervised: bool = (
        False  # the first process is the embedded cloud's own and stays at work when the instance is frozen
    )


class Isolation(Protocol):
    """One way to keep instances apart."""

    kind: str  # for the ready line: bubblewrap, unsandboxed or missing

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], function: Function
    ) -> Launch:
        """Return how to start an instance.

        Args:
            folder: an empty folder of the instance's own, removed after it.
            code: the unpacked code package.
            interpreter: the Python to run, and the packages that its runtime has built in.
            environment: the environment as the platform gives it, with paths as the function sees them.
            function: says how much disk and memory it may use.

        Raises:
            FcError: InstanceNotAllowed.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What bubblewrap is asked for, of which not every machine permits all."""

    drops: bool  # root only: the function becomes `nobody` on this machine; otherwise it stays the user that we are
    user: bool = True  # a user namespace
    sealed: bool = True  # inside of which no other one can be made; bubblewrap 0.8 and later, where it does not drop
    network: bool = True  # a network namespace

    @property
    def note(self) -> str | None:
        """What is missing, for the log."""
        missing = []
        if not self.network:
            missing.append("it shares this machine's network, with every port on loopback")
        if not (self.user and self.sealed):
            missing.append("it can make user namespaces")
        return (
            f"this machine permits less of a sandbox than the instance should have: {'; '.join(missing)}"
            if missing
            else None
        )


class Sandbox:
    """Isolation by bubblewrap.

    Args:
        bwrap: the program.
        means: what it is asked for.
    """

    kind = "bubblewrap"

    def __init__(self, bwrap: str, means: Means) -> None:
        self._bwrap = bwrap
        self._means = means

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], function: Function
    ) -> Launch:
        """See `Isolation.prepare`."""
        packages = f"{INSIDE}/packages"
        runtime = [f"{INSIDE}/{file.name}" for file in (BOOTSTRAP, REDIRECT)]
        shown = {Path("/code"): code, Path(INSIDE, PRELOAD.name): PRELOAD}
        shown |= {Path(inside): file for file, inside in zip((BOOTSTRAP, REDIRECT), runtime, strict=True)}
        shown |= {Path(packages, name): path for name, path in interpreter.packages.items()}
        prefix = interpreter.path.parent.parent
        if not prefix.is_relative_to("/usr"):
            shown[prefix] = prefix
        binds = [each for name in (*ETC, "ld.so.cache") for each in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
        binds += _show(shown)
        ids = userns.IdentityMap() if self._means.drops and self._means.user else None
        return Launch(
            command=[
                *self._enter(
                    ids, disk=function.disk * MB, memory=function.memory * MB, binds=[*binds, "--chdir", "/code"]
                ),
                *(*EXPORT, str(interpreter.path), "-I", "-S", *runtime),
            ],
            environment={"PATH": os.defpath},
            exports=_exports(environment),
            folder=folder,
            packages=packages,
            note=self._means.note,
            ids=ids,
            drops=self._means.drops,
            own_network=self._means.network,
            bounds_processes=self._means.user and _counts_by_namespace(),
        )

    def _enter(self, ids: userns.IdentityMap | None, *, disk: int, memory: int, binds: Sequence[str]) -> list[str]:
        """Return the command that runs another one in a sandbox."""
        means = self._means
        command = [
            self._bwrap,
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--die-with-parent",
        ]
        command += ["--unshare-net"] if means.network else []
        command += ["--cap-drop", "ALL"]
        if means.drops:
            command += ids.options if ids else []
            command += [each for name in userns.CAPABILITIES for each in ("--cap-add", name)]
        else:
            command += ["--unshare-user", "--uid", str(userns.NOBODY), "--gid", str(userns.NOBODY)]
            command += ["--disable-userns"] if means.sealed else []
        command += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
        if ids:
            command += ["--bind", userns.FORBID, userns.FORBID]
        command += ["--dev", "/dev", "--ro-bind", "/usr", "/usr"]
        for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
            path = Path(name)
            if path.is_symlink():
                command += ["--symlink", str(path.readlink()), name]
            elif path.exists():
                command += ["--ro-bind", name, name]
        # Twice the memory: who takes more than there is shall be ended for that, before its memory is full.
        for folder, size in ((TMP, disk), (SHM, 2 * memory)):
            command += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
        command += [*binds, "--remount-ro", "/dev", "--remount-ro", "/"]
        if ids:
            forbid = f'echo 0 > {userns.FORBID}/max_user_namespaces && exec "$@"'
            command += ["/bin/sh", "-c", forbid, "sh"]
        return [*command, *userns.DROP] if means.drops else command

    def refusal(self) -> str | None:
        """Return why this machine does not permit it; None when it does. Tried for real."""
        ids = userns.IdentityMap() if self._means.drops and self._means.user else None
        try:
            with subprocess.Popen(
                [*self._enter(ids, disk=MB, memory=MB, binds=()), "true"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=ids.descriptors if ids else (),
            ) as trial:
                if ids:
                    ids.write()
                    ids.close()
                said = trial.communicate()[1].strip()
        except OSError as error:
            return str(error)
        finally:
            if ids:
                ids.close()
        return said or f"it ended with {trial.returncode}" if trial.returncode else None

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        return _used(pid, TMP)

    def shared_memory_used(self, pid: int) -> int:
        """See `Isolation.shared_memory_used`."""
        return _used(pid, SHM)


def _show(files: Mapping[Path, Path]) -> list[str]:
    """Return bubblewrap's options that show files and folders of this machine, by the paths that they get."""
    # Every user of the sandbox has to get through the folders above; those that bubblewrap makes by itself are for root only.
    above = {parent for path in files for parent in path.parents if parent != Path("/")}
    options = [each for folder in sorted(above) for each in ("--dir", str(folder))]
    for path, source in files.items():
        options += ["--ro-bind", str(source), str(path)]
    return options


def _exports(environment: Mapping[str, str]) -> str:
    """Return the shell script that exports an environment and nothing else, whose names are identifiers."""
    return "".join(
        ["unset PATH PWD OLDPWD\n", *(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())]
    )


def _used(pid: int, folder: str) -> int:
    try:
        status = os.statvfs(f"{find_folder(pid)}/root{folder}")
    except OSError:
        return 0  # it has ended
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _counts_by_namespace() -> bool:
    """Say whether this kernel counts processes for each user namespace, not for the whole machine (Linux 5.14 and later)."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int(minor.partition("-")[0])) >= (5, 14)


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

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], function: Function
    ) -> Launch:
        """See `Isolation.prepare`."""
        temporary, packages = folder / "tmp", folder / "packages"
        for each in (temporary, packages):
            each.mkdir()
        for name, path in interpreter.packages.items():
            (packages / name).symlink_to(path)
        moved = {name: _move(value, temporary) for name, value in environment.items()}
        moved |= {"FC_FUNC_CODE_PATH": str(code), "TMPDIR": str(temporary)}
        return Launch(
            # bubblewrap ends an instance with the platform; here the kernel is asked to
            command=[
                *("setpriv", "--pdeathsig", "TERM", sys.executable, "-I", "-S", supervisor.__file__),
                *("setpriv", "--pdeathsig", "KILL", str(interpreter.path), "-I", "-S"),
                *(str(BOOTSTRAP), str(REDIRECT)),
            ],
            environment=moved,
            exports=None,
            folder=code,
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

    def prepare(
        self, *, folder: Path, code: Path, interpreter: Interpreter, environment: Mapping[str, str], function: Function
    ) -> Launch:
        """See `Isolation.prepare`."""
        raise FcError("InstanceNotAllowed", self._message)

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        return 0

    def shared_memory_used(self, pid: int) -> int:
        """See `Isolation.shared_memory_used`."""
        return 0


def choose_isolation(*, unsandboxed: bool) -> Isolation:
    """Return the best isolation that this machine permits; tried for real.

    Args:
        unsandboxed: as root, run functions even where there is no sandbox.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        why = "bubblewrap is not installed (Debian package `bubblewrap`)"
    else:
        refusals = []
        for means in _means():
            sandbox = Sandbox(bwrap, means)
            refusal = sandbox.refusal()
            if refusal is None:
                if means.note:
                    logger.warning(means.note)
                return sandbox
            refusals.append(refusal)
        why = f"bubblewrap is not permitted here ({refusals[0]})"
    return Folder(why) if unsandboxed or os.geteuid() else Refusal(why)


def _means() -> Iterator[Means]:
    """Return what to ask bubblewrap for, the best first."""
    if os.geteuid():
        best = [Means(drops=False), Means(drops=False, sealed=False)]
    else:
        best = [Means(drops=True), Means(drops=True, user=False)]
    yield from best
    yield from (replace(each, network=False) for each in best)
