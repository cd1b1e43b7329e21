"""The directories of file systems that bubblewrap mounts in an instance, where they can be written."""

from __future__ import annotations

import os

from localcloud.fc.attachments import Nas
from localcloud.fc.store.file_systems import FileSystems


class Mounts:
    """Directories for bubblewrap to mount; used once.

    Args:
        nas: names them, and the folders that show them.
        file_systems: where they are.

    Raises:
        FcError: InvalidArgument: one of them cannot be mounted.
    """

    def __init__(self, nas: Nas, file_systems: FileSystems) -> None:
        self._descriptors: list[int] = []
        self._options: list[str] = []
        try:
            for mount in nas.mounts:
                self._descriptors.append(file_systems.open(mount))
                self._options += ["--bind-fd", str(self._descriptors[-1]), mount.folder]
        except BaseException:
            self.close()
            raise

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that bubblewrap has to inherit."""
        return tuple(self._descriptors)

    @property
    def options(self) -> list[str]:
        """The options that bubblewrap has to be given, behind those that make the folders above."""
        return [*self._options]

    def close(self) -> None:
        """Close the descriptors, once bubblewrap has them."""
        while self._descriptors:
            os.close(self._descriptors.pop())
