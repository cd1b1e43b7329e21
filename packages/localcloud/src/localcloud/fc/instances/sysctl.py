"""Kernel settings of an instance's namespaces, which bubblewrap writes there while it still may, before anything else runs.

Whoever made a network namespace decides from which port on anybody in it may listen; so the bootstrap needs no capability to
listen on the ports of the web. And whoever made a user namespace decides how many may be made below it: the one of the function
itself, where bubblewrap makes two, and no other.

Sources: bwrap(1) (`--file`), Linux, "IP Sysctl" (`ip_unprivileged_port_start`) and "Documentation for /proc/sys/user/".
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from localcloud.fc.instances.handed import HandedOptions

FIRST_PORT = "net/ipv4/ip_unprivileged_port_start"  # the first one on which anybody may listen
USER_NAMESPACES = "user/max_user_namespaces"  # below that of whoever writes it


class KernelSettings(HandedOptions):
    """Values for bubblewrap to write. The options stand between that for `/proc` and that which closes `/proc/sys`.

    Args:
        values: by their paths below `/proc/sys`.
    """

    def __init__(self, values: Mapping[str, int]) -> None:
        super().__init__()
        for path, value in values.items():
            read, write = os.pipe()
            self._descriptors.append(read)
            os.write(write, str(value).encode())
            os.close(write)
            self._options += ["--file", str(read), f"/proc/sys/{path}"]
