"""The rules that the network and the file systems of a service or function are held to.

Sources: Function Compute 2.0 and 3.0, "Configure a NAS file system", "Configure network settings"; ros-cdk-fc 1.15.0.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import PurePosixPath

from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.errors import FcError
from localcloud.fc.platform import MAX_MOUNTS, MOUNT_ROOTS, NAS_IDS, SYSTEM_FOLDERS

_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}:(/.*)", re.ASCII)
_MAX_PATH = 1024  # characters; assumed
_MAX_NAME = 255  # bytes; of Linux (limits.h, NAME_MAX)


def check_attachments(vpc: Vpc | None, nas: Nas, *, generation: int) -> None:
    """Hold a network and file systems to the platform's rules.

    Args:
        vpc: the network.
        nas: the file systems, which are in it.
        generation: 2 or 3.

    Raises:
        FcError: InvalidArgument, naming the property, its value and what is allowed.
    """
    if vpc and not (vpc.id and vpc.switches and vpc.security_group):
        raise FcError(
            "InvalidArgument", "vpcConfig: expected a vpcId, at least one of vSwitchIds, and a securityGroupId"
        )
    for name, number in (("userId", nas.user), ("groupId", nas.group)):
        if number not in NAS_IDS:
            raise FcError("InvalidArgument", f"nasConfig.{name} is {number}; expected {NAS_IDS[0]} to {NAS_IDS[-1]}")
    if len(nas.mounts) > MAX_MOUNTS:
        raise FcError("InvalidArgument", f"nasConfig.mountPoints: {len(nas.mounts)}; at most {MAX_MOUNTS} are allowed")
    for mount in nas.mounts:
        _check_mount(mount, generation)
    for one, other in combinations((PurePosixPath(each.folder) for each in nas.mounts), 2):
        if one.is_relative_to(other) or other.is_relative_to(one):
            raise FcError("InvalidArgument", f"nasConfig.mountPoints: mountDir {one} and {other} are in one another")
    if nas.mounts and vpc is None:
        raise FcError("InvalidArgument", "nasConfig needs a vpcConfig: file systems are reached from inside of a VPC")


def _check_mount(mount: Mount, generation: int) -> None:
    server = _SERVER.fullmatch(mount.server)
    if not server or not _is_plain(server[1]):
        raise FcError(
            "InvalidArgument",
            f"serverAddr is {mount.server[:200]!r}; expected the host of a mount target, and a directory: HOST:/",
        )
    if not _is_plain(mount.folder) or not _may_be_mounted(mount.folder, generation):
        allowed = f"a folder below {', '.join(MOUNT_ROOTS)}" if generation == 2 else "no folder of the system's"
        raise FcError("InvalidArgument", f"mountDir is {mount.folder[:200]!r}; expected {allowed}")


def _may_be_mounted(folder: str, generation: int) -> bool:
    top, *below = PurePosixPath(folder).parts[1:] or [""]
    if generation == 2:
        return f"/{top}" in MOUNT_ROOTS and bool(below)
    return f"/{top}" not in SYSTEM_FOLDERS and (bool(below) or top not in ("", "tmp"))


def _is_plain(path: str) -> bool:
    """Return whether a path is absolute, leads nowhere but down, and can be on a disk."""
    parts = path.removesuffix("/").split("/")
    if len(path) > _MAX_PATH or "\0" in path or any(len(part.encode()) > _MAX_NAME for part in parts):
        return False
    return parts[0] == "" and not {"", ".", ".."} & {*parts[1:]}
