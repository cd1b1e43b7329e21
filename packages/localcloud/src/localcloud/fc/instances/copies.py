"""The files that bubblewrap copies into an instance. Unlike for a mount, it does not read there which mounts there are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from localcloud.fc.instances.handed import HandedOptions


class Copies(HandedOptions):
    """Small files of this machine for bubblewrap to copy. The options stand behind those that make the folders above.

    Args:
        files: by the paths that they get; one that is not there, or not ours to read, is left out.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        try:
            for path, file in files.items():
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    self._descriptors.append(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
                    self._options += ["--perms", "0644", "--file", str(self._descriptors[-1]), path]
        except BaseException:
            self.close()
            raise
