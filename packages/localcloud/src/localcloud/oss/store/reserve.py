"""Disk space put by for deletions on a full disk: they write to the database before they free anything."""

from __future__ import annotations

import os
from pathlib import Path

SIZE = 4 * 1024**2  # bytes; several times the database's journal


class Reserve:
    """A file that holds space. Not thread-safe.

    Args:
        path: where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._filled = False

    @property
    def filled(self) -> bool:
        """The state of the reserve: True while the space is put by."""
        return self._filled

    def fill(self) -> None:
        """Put the space by.

        Raises:
            OSError: the disk has not that much.
        """
        if self._filled:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
            self._filled = True
        finally:
            os.close(descriptor)
            if not self._filled:
                self.release()

    def release(self) -> None:
        """Give the space back to the disk."""
        self._path.unlink(missing_ok=True)
        self._filled = False
