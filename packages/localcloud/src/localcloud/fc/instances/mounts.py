"""The directories of file systems that bubblewrap mounts in an instance, where they can be written."""

from __future__ import annotations

from localcloud.fc.attachments import Nas
from localcloud.fc.instances.handed import HandedOptions
from localcloud.fc.store.file_systems import FileSystems


class Mounts(HandedOptions):
    """Directories for bubblewrap to mount. The options stand behind those that make the folders above.

    Args:
        nas: names them, and the folders that show them.
        file_systems: where they are.

    Raises:
        FcError: InvalidArgument: one of them cannot be mounted.
    """

    def __init__(self, nas: Nas, file_systems: FileSystems) -> None:
        super().__init__()
        try:
            for mount in nas.mounts:
                self._descriptors.append(file_systems.open(mount))
                self._options += ["--bind-fd", str(self._descriptors[-1]), mount.folder]
        except BaseException:
            self.close()
            raise
