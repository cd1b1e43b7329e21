"""Kernel settings of an instance's namespaces, which bubblewrap writes there while it still may, before anything else runs.

Whoever made a network namespace decides from which port on anybody in it may listen; so the bootstrap needs no capability to
listen on the ports of the web. And whoever made a user namespace decides how many may be made below it: the one of the function
itself, where bubblewrap makes two, and no other.

Sources: bwrap(1) (`--file`), Linux, "IP Sysctl" (`ip_unprivileged_port_start`) and "Documentation for /proc/sys/user/".
"""

from __future__ import annotations

import os
from collections.abc import Mapping

FIRST_PORT = "net/ipv4/ip_unprivileged_port_start"  # the first one on which anybody may listen
USER_NAMESPACES = "user/max_user_namespaces"  # below that of whoever writes it


class KernelSettings:
    """Values for bubblewrap to write; used once.

    Args:
        values: by their paths below `/proc/sys`.
    """

    def __init__(self, values: Mapping[str, int]) -> None:
        self._descriptors: list[int] = []
        self._options: list[str] = []
        for path, value in values.items():
            read, write = os.pipe()
            self._descriptors.append(read)
            os.write(write, str(value).encode())
            os.close(write)
            self._options += ["--file", str(read), f"/proc/sys/{path}"]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that bubblewrap has to inherit."""
        return tuple(self._descriptors)

    @property
    def options(self) -> list[str]:
        """The options that bubblewrap has to be given, between that for `/proc` and that which closes `/proc/sys`."""
        return [*self._options]

    def close(self) -> None:
        """Close the descriptors, once bubblewrap has them."""
        while self._descriptors:
            os.close(self._descriptors.pop())
