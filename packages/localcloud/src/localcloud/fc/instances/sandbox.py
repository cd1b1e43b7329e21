"""Isolation by bubblewrap: a process tree of its own in namespaces of its own, with nothing of this machine that can be written.

An instance has no capability, read-only system folders, its own `/code`, and a `/tmp` of the function's disk size, the only place
on its disk that can be written, so that a full disk is a real ENOSPC. The file systems that its function mounts are no part of it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from localcloud.fc.attachments import Nas
from localcloud.fc.errors import FcError
from localcloud.fc.instances import userns
from localcloud.fc.instances.copies import Copies
from localcloud.fc.instances.inside import REDIRECT, START, InsideFolder
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import EXPORT, LAYERS, TMP, InstanceSpec, Launch, exports
from localcloud.fc.instances.lookup import Lookup
from localcloud.fc.instances.mounts import Mounts
from localcloud.fc.instances.sysctl import FIRST_PORT, USER_NAMESPACES, KernelSettings
from localcloud.fc.instances.usage import find_folder
from localcloud.fc.platform import MB
from localcloud.fc.store.file_systems import FileSystems

SHM = "/dev/shm"  # noqa: S108 - as the function sees it
INSIDE = "/var/fc/runtime"
AUTHORITY = f"{INSIDE}/{InsideFolder.AUTHORITY}"
PACKAGES = "/var/fc/packages"
# The files and folders in /etc that programs expect; the rest of the host's stays out of sight.
ETC = ("hosts", "passwd", "group", "localtime", "mime.types", "ld.so.cache")
ETC_FOLDERS = ("ssl", "ca-certificates")
# The hardware: allocators and numeric libraries read the number of processors here, and some end the process without it.
HARDWARE = Path("/sys/devices/system")


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """The means that bubblewrap is asked for, of which not every machine permits all."""

    drops: bool  # root only: the function becomes `nobody` on this machine; otherwise it stays the user that we are
    user: bool = True  # a user namespace, inside of which no other one can be made
    network: bool = True  # a network namespace
    listens: bool = True  # there, the bootstrap opens the ports of the web and of the resolver

    @property
    def note(self) -> str | None:
        """The missing means, for the log."""
        missing = []
        if not self.network:
            missing.append("it shares this machine's network, with every port on loopback")
        elif not self.listens:
            missing.append("only Python and Node.js reach the embedded cloud under its names")
        if not self.user:
            missing.append("it can make user namespaces")
        return (
            f"this machine permits less of a sandbox than the instance should have: {'; '.join(missing)}"
            if missing
            else None
        )


def all_means() -> Iterator[Means]:
    """Return the means to ask bubblewrap for, the best first."""
    drops = os.geteuid() == 0
    best = [
        Means(drops=drops, user=user, listens=listens)
        for user in ((True, False) if drops else (True,))  # an ordinary user cannot do without
        for listens in (True, False)
    ]
    yield from best
    yield from (replace(each, network=False) for each in best if not each.listens)


class Sandbox:
    """Isolation by bubblewrap.

    Args:
        bwrap: the program.
        means: what it is asked for.
        folder: for the files that all instances share.
        file_systems: the file systems that instances mount.
        authority: the certificate (PEM) of the embedded cloud, which programs in an instance trust.
    """

    kind = "bubblewrap"

    def __init__(self, bwrap: str, means: Means, *, folder: Path, file_systems: FileSystems, authority: str) -> None:
        self._bwrap = bwrap
        self._means = means
        self._file_systems = file_systems
        self._lookup = Lookup(folder, authority=authority)
        self._inside = InsideFolder(folder / "runtime", authority=authority)

    def make_ready(self, interpreter: Interpreter) -> None:
        """See `Isolation.make_ready`."""
        self._inside.make_ready(interpreter.path)

    def prepare(self, spec: InstanceSpec) -> Launch:
        """See `Isolation.prepare`."""
        binds = ["--dir", "/etc"]  # for every user of the sandbox; one that bubblewrap makes by itself is for root only
        binds += [each for name in ETC_FOLDERS for each in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
        shown = {Path(INSIDE): self._inside.path, **_shown(spec.code, spec.layers, spec.interpreter)}
        binds += _show(shown)
        mounts = self._mount(spec.nas, beside=shown)
        binds += [*_folders_above(Path(each.folder) for each in spec.nas.mounts), *mounts.options]
        binds += [each for folder in _installed(spec.interpreter) for each in _empty(folder)]
        given: dict[str, str] = {}  # unless the function has it
        copied = {f"/etc/{name}": Path("/etc", name) for name in ETC}
        if self._means.listens:
            copied |= self._lookup.files
            binds += [each for path, file in self._lookup.trusted.items() for each in ("--ro-bind", str(file), path)]
            given["NODE_EXTRA_CA_CERTS"] = AUTHORITY  # Node.js reads no file of the system's
        ids = _ids(spec.nas) if self._means.user else userns.Ids()
        mapping, settings, copies = self._map(ids), self._settings(), Copies(copied)
        return Launch(
            command=[
                *self._enter(
                    ids,
                    mapping,
                    settings,
                    disk=spec.function.disk * MB,
                    memory=spec.function.memory * MB,
                    binds=[*binds, *copies.options, "--chdir", "/code"],
                ),
                *(*EXPORT, str(spec.interpreter.path), "-I", "-S"),
                *(f"{INSIDE}/{file.name}" for file in (START, REDIRECT)),
            ],
            environment={"PATH": os.defpath},
            exports=lambda environment: exports({**given, **environment}),
            folder=spec.folder,
            layers=LAYERS,
            packages=PACKAGES,
            note=self._means.note,
            ids=mapping,
            settings=settings,
            mounts=mounts,
            copies=copies,
            drops=self._means.drops,
            own_network=self._means.network,
            listens=self._means.listens,
            bounds_processes=self._means.user and _counts_by_namespace(),
        )

    def _map(self, ids: userns.Ids) -> userns.IdentityMap | None:
        return userns.IdentityMap(ids) if self._means.drops and self._means.user else None

    def _mount(self, nas: Nas, *, beside: Iterable[Path]) -> Mounts:
        """Return what mounts file systems.

        Raises:
            FcError: InstanceNotAllowed: this bubblewrap cannot, or something that the instance needs is in the way.
        """
        if nas.mounts and not self._mounts_directories:
            raise FcError(
                "InstanceNotAllowed",
                "no file system is mounted: bubblewrap knows no --bind-fd here; install a newer one",
            )
        for folder in (Path(each.folder) for each in nas.mounts):
            for path in beside:
                if path.is_relative_to(folder) or folder.is_relative_to(path):
                    raise FcError(
                        "InstanceNotAllowed", f"{folder} cannot be a mountDir on this machine: {path} is needed"
                    )
        return Mounts(nas, self._file_systems)

    @cached_property
    def _mounts_directories(self) -> bool:
        """Whether this bubblewrap mounts what a descriptor stands for (0.10, and 0.8 of Debian 12)."""
        told = subprocess.run([self._bwrap, "--help"], capture_output=True, text=True, check=False)
        return "--bind-fd" in told.stdout + told.stderr

    def _settings(self) -> KernelSettings:
        means = self._means
        values = {FIRST_PORT: 0} if means.listens else {}
        if means.user:
            values[USER_NAMESPACES] = 0 if means.drops else 1  # bubblewrap itself makes one more for an ordinary user
        return KernelSettings(values)

    def _enter(
        self,
        ids: userns.Ids,
        mapping: userns.IdentityMap | None,
        settings: KernelSettings,
        *,
        disk: int,
        memory: int,
        binds: Sequence[str],
    ) -> list[str]:
        """Return the command that runs another one in a sandbox."""
        # Twice the memory: who takes more than there is shall be ended for that, before its memory is full.
        sizes = {TMP: disk, SHM: 2 * memory}
        writable = [
            each
            for folder, size in sizes.items()
            for each in ("--perms", "1777", "--size", str(size), "--tmpfs", folder)
        ]
        sealed = ["--remount-ro", "/dev", "--remount-ro", "/"]
        command = [self._bwrap, *self._namespaces(ids, mapping), *_system(settings), *writable, *binds, *sealed]
        return [*command, *ids.drop] if self._means.drops else command

    def _namespaces(self, ids: userns.Ids, mapping: userns.IdentityMap | None) -> list[str]:
        """Return bubblewrap's options for the namespaces and capabilities of the instance."""
        means = self._means
        options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
        options += ["--unshare-net"] if means.network else []
        options += ["--cap-drop", "ALL"]
        if not means.drops:
            return [*options, "--unshare-user", "--uid", str(ids.user), "--gid", str(ids.group)]
        options += mapping.options if mapping else []
        return options + [each for name in userns.CAPABILITIES for each in ("--cap-add", name)]

    def refusal(self) -> str | None:
        """Return why this machine does not permit it; None when it does. Tried for real."""
        ids = userns.Ids()
        mapping, settings = self._map(ids), self._settings()
        try:
            with subprocess.Popen(
                [*self._enter(ids, mapping, settings, disk=MB, memory=MB, binds=()), "true"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=(*settings.descriptors, *(mapping.descriptors if mapping else ())),
            ) as trial:
                if mapping:
                    mapping.write()
                    mapping.close()
                said = trial.communicate()[1].strip()
        except OSError as error:
            return str(error)
        finally:
            settings.close()
            if mapping:
                mapping.close()
        return said or f"it ended with {trial.returncode}" if trial.returncode else None

    def disk_used(self, folder: Path, pid: int) -> int:
        """See `Isolation.disk_used`."""
        return _used(pid, TMP)

    def shared_memory_used(self, pid: int) -> int:
        """See `Isolation.shared_memory_used`."""
        return _used(pid, SHM)


def _system(settings: KernelSettings) -> list[str]:
    """Return bubblewrap's options that show the system's folders, none of which can be written to."""
    options = ["--proc", "/proc", *settings.options, "--ro-bind", "/proc/sys", "/proc/sys"]
    options += ["--dev", "/dev", "--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            options += ["--ro-bind", name, name]
    return [*options, *_show({HARDWARE: HARDWARE} if HARDWARE.is_dir() else {})]


def _shown(code: Path, layers: Path | None, interpreter: Interpreter) -> dict[Path, Path]:
    """Return the files and folders of this machine that an instance sees, by the paths that they get."""
    shown = {Path("/code"): code}
    if layers:
        shown |= {Path(LAYERS, each.name): each for each in layers.iterdir()}
    shown |= {Path(PACKAGES, name): path for name, path in interpreter.packages.items()}
    prefix = interpreter.path.parent.parent
    if not prefix.is_relative_to("/usr"):
        shown[prefix] = prefix
    if (node := interpreter.node) and not node.is_relative_to("/usr"):
        shown[node] = node  # alone: nothing else is needed, and it may lie anywhere
    return shown


def _installed(interpreter: Interpreter) -> Iterator[Path]:
    """Yield the folders of what is installed for an interpreter on this machine.

    The platform has none of it: a Python that a function starts would import here what it does not find there, and run the `.pth`
    files of others first.
    """
    prefix = interpreter.path.parent.parent
    for each in (prefix, prefix / "local"):
        for name in ("site-packages", "dist-packages"):
            yield from (path for path in each.glob(f"lib/python3*/{name}") if path.is_dir())


def _empty(folder: Path) -> list[str]:
    """Return bubblewrap's options that show a folder as an empty one."""
    return ["--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder)]


def _show(files: Mapping[Path, Path]) -> list[str]:
    """Return bubblewrap's options that show files and folders of this machine, by the paths that they get."""
    options = _folders_above(files)
    for path, source in files.items():
        options += ["--ro-bind", str(source), str(path)]
    return options


def _folders_above(paths: Iterable[Path]) -> list[str]:
    """Return bubblewrap's options that make the folders above some paths.

    Every user of the sandbox has to get through them; those that bubblewrap makes by itself are for root only.
    """
    above = {parent for path in paths for parent in path.parents if parent != Path("/")}
    return [each for folder in sorted(above) for each in ("--dir", str(folder))]


def _ids(nas: Nas) -> userns.Ids:
    """Return who an instance is: the user and group that it has in its file systems, but never root."""
    user = nas.user if nas.user > 0 else userns.NOBODY
    return userns.Ids(user=user, group=nas.group if nas.group > 0 else user)


def _used(pid: int, folder: str) -> int:
    try:
        status = os.statvfs(f"{find_folder(pid)}/root{folder}")
    except OSError:
        return 0  # it has ended
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _counts_by_namespace() -> bool:
    """Return True if this kernel counts processes for each user namespace, not for the whole machine (Linux 5.14 and later)."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int(minor.partition("-")[0])) >= (5, 14)
