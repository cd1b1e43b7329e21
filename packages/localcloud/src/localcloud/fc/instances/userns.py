"""The user namespace of an instance that root starts: its processes are `nobody` on this machine too, and may become nobody else.

By itself bubblewrap maps one user id, root's own, and a process that is root's on this machine owns what the kernel gives to root,
such as the files of /proc/sys. So bubblewrap waits until the ids of this machine are mapped, sets everything up as root of the
namespace, and the last step before the function (`drop`) gives up all but `nobody`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534  # user and group
CAPABILITIES = (
    "CAP_SETUID",
    "CAP_SETGID",
    "CAP_SETPCAP",
)  # what that takes: to change its ids, to empty the bounding set


@dataclass(frozen=True, kw_only=True, slots=True)
class Ids:
    """The ids of an instance's processes, as they see them; on this machine they are `nobody`, whatever they see."""

    user: int = NOBODY
    group: int = NOBODY

    @property
    def drop(self) -> tuple[str, ...]:
        """What runs the command behind it with these ids, and without a capability."""
        return (
            *("setpriv", "--reuid", str(self.user), "--regid", str(self.group), "--clear-groups"),
            *("--inh-caps", "-all", "--ambient-caps", "-all", "--bounding-set", "-all", "--no-new-privs"),
        )


class IdentityMap:
    """Maps the user and group ids of a namespace that bubblewrap makes; used once.

    Args:
        ids: those of the instance. They stand for `nobody`; where they are `nobody`, all ids stand for themselves.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._told, self._tell = os.pipe()
        self._wait, self._go = os.pipe()

    @property
    def descriptors(self) -> tuple[int, int]:
        """The descriptors that bubblewrap has to inherit."""
        return self._tell, self._wait

    @property
    def options(self) -> list[str]:
        """The options that bubblewrap has to be given."""
        return ["--unshare-user", "--info-fd", str(self._tell), "--userns-block-fd", str(self._wait)]

    def write(self) -> None:
        """Wait until bubblewrap has made the namespace, map its ids, and let it go on; call it once bubblewrap was started.

        It does nothing when bubblewrap ended before that.

        Raises:
            OSError: the kernel refused.
        """
        self._close("_tell")
        self._close("_wait")
        told = b""
        while part := os.read(self._told, 4096):
            told += part
        try:
            pid = json.loads(told)["child-pid"]
        except ValueError:
            return
        for name, inside in (("uid_map", self._ids.user), ("gid_map", self._ids.group)):
            Path("/proc", str(pid), name).write_text(_map(name, inside))
        os.write(self._go, b"\n")

    def close(self) -> None:
        """Close the descriptors that are left."""
        for name in ("_told", "_tell", "_wait", "_go"):
            self._close(name)

    def _close(self, name: str) -> None:
        descriptor = getattr(self, name)
        if descriptor >= 0:
            os.close(descriptor)
            setattr(self, name, -1)


def _map(name: str, inside: int) -> str:
    """Return a map of ids: root's, with which bubblewrap sets everything up, and one that stands for `nobody`'s."""
    if inside != NOBODY:
        return f"0 0 1\n{inside} {NOBODY} 1\n"
    mapped = (line.split() for line in Path("/proc/self", name).read_text(encoding="ascii").splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in mapped)
