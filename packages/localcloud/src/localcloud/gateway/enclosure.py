"""Puts this process into a network from which the embedded cloud is reached and nothing else, whatever program it becomes.

That network has its own loopback, where the embedded cloud listens on its ports and on those of the web, and a resolver that knows
the names under aliyuncs.com alone; the embedded cloud's certificate is among those that programs trust. It takes what any user may
have made: a network and a mount namespace, within a user namespace where the user is not root.

What it does not hold back: sockets in the file system, such as that of a container engine, reach whoever listens there.

Sources: network_namespaces(7), user_namespaces(7), mount(2), netdevice(7), resolv.conf(5), nsswitch.conf(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localcloud.gateway.adoption import address_of
from localcloud.gateway.trust import trusting
from localcloud.kernel.errors import LocalCloudError

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # linux/mount.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
_INTERFACE = struct.Struct("16sH22x")  # struct ifreq with flags
LOOPBACK = "127.0.0.1"
# What the C library asks for a name: this network's resolver, and no service of this machine, which would ask the real one.
ETC = {
    Path("/etc/resolv.conf"): f"nameserver {LOOPBACK}\n".encode(),
    Path("/etc/nsswitch.conf"): b"passwd: files\ngroup: files\nhosts: files dns\n",
}
HIDDEN = ("/run/nscd", "/var/run/nscd", "/run/systemd/resolve")  # the sockets of services that resolve names


class EnclosureError(LocalCloudError):
    """This process cannot be enclosed, and has to end: a part of it may be."""


def permitted() -> bool:
    """Return True where this machine lets this user make such a network; tried, in a process of its own."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _leave(ETC)
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def enter(adoption: Path, authority: Path) -> None:
    """Enclose this process, which must have no other thread, and all that it starts from now on.

    Args:
        adoption: the socket in the running embedded cloud's data folder.
        authority: the file with its certificate (PEM).

    Raises:
        EnclosureError: the embedded cloud does not answer, or this machine refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel, address_of(adoption) as address:
            channel.settimeout(10)
            channel.connect(address)
            asked = json.loads(channel.recv(4096))
            _leave({**ETC, **trusting(authority.read_text(encoding="ascii"))})
            listening = [socket.create_server((LOOPBACK, port), backlog=512) for port in asked["ports"]]
            resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            resolver.bind((LOOPBACK, asked["resolver"]))
            listening.append(resolver)
            socket.send_fds(channel, [b"\0"], [each.fileno() for each in listening])
            for each in listening:
                each.close()
            if not channel.recv(1):
                raise EnclosureError("the embedded cloud did not take over the ports of the network; its log says why")
    except (OSError, ValueError) as error:
        raise EnclosureError(f"no network of its own could be made for the command: {error}") from error


def _leave(files: Mapping[Path, bytes]) -> None:
    """Leave this machine's network for one with nothing but its own loopback.

    Args:
        files: what stands there in place of this machine's files, where it has them.

    Raises:
        OSError: this machine refuses.
    """
    user, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWNET | CLONE_NEWNS | (CLONE_NEWUSER if user else 0))
    if user:  # who is the same one there as here
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1\n", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1\n", encoding="ascii")
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for path, content in files.items():
            own, target = Path(folder, path.name), path.resolve()
            if target.exists():
                own.write_bytes(content)
                own.chmod(0o644)
                _bind(own, target)
        for hidden in filter(Path.is_dir, map(Path, HIDDEN)):
            empty = Path(folder, "empty")
            empty.mkdir(exist_ok=True)
            _bind(empty, hidden.resolve())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = _INTERFACE.pack(b"lo", 0)
        flags = _INTERFACE.unpack(fcntl.ioctl(control, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, _INTERFACE.pack(b"lo", flags | IFF_UP))


def _bind(source: Path, target: Path) -> None:
    _call("mount", bytes(source), bytes(target), None, MS_BIND, None)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library that returns 0 when it succeeds.

    Raises:
        OSError: it failed.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
