"""Isolation by bubblewrap: a process tree of its own in namespaces of its own, with nothing of this machine that can be written.

An instance has no capability, read-only system folders, its own `/code`, and a `/tmp` of the function's disk size, the only place
on its disk that can be written, so that a full disk is a real ENOSPC.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.fc.instances import userns
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import BESIDE, BOOTSTRAP, LAYERS, PRELOAD, REDIRECT, TMP, InstanceSpec, Launch
from localcloud.fc.instances.usage import find_folder
from localcloud.fc.platform import MB
from localcloud.gateway.resolver import ADDRESS

SHM = "/dev/shm"  # noqa: S108 - as the function sees it
INSIDE = "/var/fc/runtime"
PACKAGES = f"{INSIDE}/packages"
# The files in /etc that programs expect; the rest of the host's stays out of sight.
ETC = ("ssl", "ca-certificates", "hosts", "passwd", "group", "localtime", "mime.types")
# How the C library, Go and others look names up: the embedded cloud's names alone, so that an instance cannot reach a real account.
NAMES = {"resolv.conf": f"nameserver {ADDRESS}\n", "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n"}
CERTIFICATES = Path(
    "/etc/ssl/certs/ca-certificates.crt"
)  # what OpenSSL, curl and Go trust on Debian, as the runtimes have it
# The last step before the function, when nothing of this machine is in reach any more: only there its variables count. Before,
# LD_PRELOAD would have a library of the code package run outside of the sandbox.
EXPORT = ("/bin/sh", "-c", '. /dev/stdin && exec "$@" < /dev/null', "sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """The means that bubblewrap is asked for, of which not every machine permits all."""

    drops: bool  # root only: the function becomes `nobody` on this machine; otherwise it stays the user that we are
    user: bool = True  # a user namespace
    sealed: bool = True  # inside of which no other one can be made; bubblewrap 0.8 and later, where it does not drop
    network: bool = True  # a network namespace
    listens: bool = True  # there, the bootstrap opens the ports of the web and of the resolver

    @property
    def note(self) -> str | None:
        """The missing means, for the log."""
        missing = []
        if not self.network:
            missing.append("it shares this machine's network, with every port on loopback")
        elif self.drops and not self.listens:
            missing.append("only Python code reaches the embedded cloud under its names")
        if not (self.user and self.sealed):
            missing.append("it can make user namespaces")
        return (
            f"this machine permits less of a sandbox than the instance should have: {'; '.join(missing)}"
            if missing
            else None
        )


def all_means() -> Iterator[Means]:
    """Return the means to ask bubblewrap for, the best first."""
    if os.geteuid():
        # Where bubblewrap forbids user namespaces, it does so in one that does not own the network: nobody there may listen.
        best = [Means(drops=False, listens=False), Means(drops=False, listens=False, sealed=False)]
    else:
        best = [Means(drops=True), Means(drops=True, listens=False), Means(drops=True, listens=False, user=False)]
    yield from best
    yield from (replace(each, network=False) for each in best if not each.listens)


class Sandbox:
    """Isolation by bubblewrap.

    Args:
        bwrap: the program.
        means: what it is asked for.
        authority: the certificate (PEM) of the embedded cloud, which programs in an instance trust.
    """

    kind = "bubblewrap"

    def __init__(self, bwrap: str, means: Means, authority: str) -> None:
        self._bwrap = bwrap
        self._means = means
        self._authority = authority

    def prepare(self, spec: InstanceSpec) -> Launch:
        """See `Isolation.prepare`."""
        binds = ["--dir", "/etc"]  # for every user of the sandbox; one that bubblewrap makes by itself is for root only
        binds += [each for name in (*ETC, "ld.so.cache") for each in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
        binds += self._lookup(spec.folder)
        binds += _show(_shown(spec.code, spec.layers, spec.interpreter))
        ids = userns.IdentityMap() if self._means.drops and self._means.user else None
        return Launch(
            command=[
                *self._enter(
                    ids,
                    disk=spec.function.disk * MB,
                    memory=spec.function.memory * MB,
                    binds=[*binds, "--chdir", "/code"],
                ),
                *(*EXPORT, str(spec.interpreter.path), "-I", "-S"),
                *(f"{INSIDE}/{file.name}" for file in (BOOTSTRAP, REDIRECT)),
            ],
            environment={"PATH": os.defpath},
            exports=_exports(spec.environment),
            folder=spec.folder,
            layers=LAYERS,
            packages=PACKAGES,
            note=self._means.note,
            ids=ids,
            drops=self._means.drops,
            own_network=self._means.network,
            listens=self._means.listens,
            bounds_processes=self._means.user and _counts_by_namespace(),
        )

    def _lookup(self, folder: Path) -> list[str]:
        """Return bubblewrap's options by which programs find and trust the embedded cloud under its names.

        Args:
            folder: for the files that they read.
        """
        files = {f"/etc/{name}": text for name, text in NAMES.items()} if self._means.listens else {}
        if self._means.listens and CERTIFICATES.is_file():
            files[str(CERTIFICATES.resolve())] = CERTIFICATES.read_text(encoding="utf-8") + self._authority
        options = []
        for path, text in files.items():
            own = folder / Path(path).name
            own.write_text(text, encoding="utf-8")
            own.chmod(0o644)  # the function is another user
            options += ["--ro-bind", str(own), path]
        return options

    def _enter(self, ids: userns.IdentityMap | None, *, disk: int, memory: int, binds: Sequence[str]) -> list[str]:
        """Return the command that runs another one in a sandbox."""
        # Twice the memory: who takes more than there is shall be ended for that, before its memory is full.
        sizes = {TMP: disk, SHM: 2 * memory}
        writable = [
            each
            for folder, size in sizes.items()
            for each in ("--perms", "1777", "--size", str(size), "--tmpfs", folder)
        ]
        sealed = ["--remount-ro", "/dev", "--remount-ro", "/"]
        command = [self._bwrap, *self._namespaces(ids), *_system(ids), *writable, *binds, *sealed]
        if ids:
            forbid = f'echo 0 > {userns.FORBID}/max_user_namespaces && exec "$@"'
            command += ["/bin/sh", "-c", forbid, "sh"]
        return [*command, *userns.drop(listens=self._means.listens)] if self._means.drops else command

    def _namespaces(self, ids: userns.IdentityMap | None) -> list[str]:
        """Return bubblewrap's options for the namespaces and capabilities of the instance."""
        means = self._means
        options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
        options += ["--unshare-net"] if means.network else []
        options += ["--cap-drop", "ALL"]
        kept = set(userns.LISTENING if means.listens else ())
        if means.drops:
            options += ids.options if ids else []
            kept.update(userns.CAPABILITIES)
        else:
            options += ["--unshare-user", "--uid", str(userns.NOBODY), "--gid", str(userns.NOBODY)]
            options += ["--disable-userns"] if means.sealed else []
        return options + [each for name in sorted(kept) for each in ("--cap-add", name)]

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


def _system(ids: userns.IdentityMap | None) -> list[str]:
    """Return bubblewrap's options that show the system's folders, none of which can be written to."""
    options = ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    if ids:
        options += ["--bind", userns.FORBID, userns.FORBID]
    options += ["--dev", "/dev", "--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            options += ["--ro-bind", name, name]
    return options


def _shown(code: Path, layers: Path | None, interpreter: Interpreter) -> dict[Path, Path]:
    """Return the files and folders of this machine that an instance sees, by the paths that they get."""
    shown = {Path("/code"): code}
    if layers:
        shown |= {Path(LAYERS, each.name): each for each in layers.iterdir()}
    shown |= {Path(INSIDE, file.name): file for file in (BOOTSTRAP, *BESIDE, REDIRECT, PRELOAD)}
    shown |= {Path(PACKAGES, name): path for name, path in interpreter.packages.items()}
    prefix = interpreter.path.parent.parent
    if not prefix.is_relative_to("/usr"):
        shown[prefix] = prefix
    if (node := interpreter.node) and not node.is_relative_to("/usr"):
        shown[node] = node  # alone: nothing else is needed, and it may lie anywhere
    return shown


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
    """Return True if this kernel counts processes for each user namespace, not for the whole machine (Linux 5.14 and later)."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int(minor.partition("-")[0])) >= (5, 14)
