"""File systems on disk: a folder for each host that one is mounted from, made when it is first mounted.

Functions write there, links among the rest, and may do so while another instance starts: nothing on the way to a directory is
followed, and what is handed out is the directory itself, not its path.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from localcloud.fc.attachments import Mount
from localcloud.fc.errors import FcError

EVERYBODY = 0o777  # "Configure a NAS file system": the mode of a directory that Function Compute makes


class FileSystems:
    """The file systems of an account.

    Args:
        folder: where they lie; nobody else on this machine gets in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, mount: Mount) -> int:
        """Return a descriptor of the directory that is to be mounted; what is missing of it is made.

        Raises:
            FcError: InvalidArgument: there is something else in its place, or no room for it.
        """
        self._folder.mkdir(exist_ok=True, mode=0o700)
        directory = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        for name in (mount.host.lower(), *PurePosixPath(mount.directory).parts[1:]):
            try:
                below = _enter(directory, name)
            except OSError as error:
                # The platform's words, as issue 626 of alibaba/funcraft quotes them.
                raise FcError(
                    "InvalidArgument", f"Mount NFS://{mount.server} command failed: {name}: {error.strerror}"
                ) from error
            finally:
                os.close(directory)
            directory = below
        return directory


def _enter(directory: int, name: str) -> int:
    """Open a directory below another one, which is made if it is not there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        os.mkdir(name, dir_fd=directory)
        made = os.open(name, flags, dir_fd=directory)
        os.fchmod(made, EVERYBODY)  # which the mask of this process does not cut
        return made
