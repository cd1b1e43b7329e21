"""Writes the files of a directory that is being filled: the disk is checked first, and its errors become a start's."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from heavylift.contracts.archive import FileEntry, Link
from heavylift.contracts.failures import ConfigurationError, DiskFullError

DISK_BLOCK = 4096  # bytes; what a file system gives out at a time
OWNER_WRITES = 0o200  # the permission bit without which a file cannot be opened to be filled


def allocated(size: int) -> int:
    """Return the bytes of disk that a file of `size` bytes takes."""
    return -(-size // DISK_BLOCK) * DISK_BLOCK


class DirectoryWriter:
    """Writes the files of a directory that is being filled. Only checked paths may come in. Used by several threads at once.

    Args:
        root: the directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._masked = _umask()
        self._need = 0  # bytes of disk that the files take

    def prepare(self, files: Mapping[str, int], links: Iterable[str], empty: Iterable[str], name: str) -> int:
        """Check that everything fits on the disk, then make all directories.

        Args:
            files: path and size in bytes of each file.
            links: paths of the symbolic links.
            empty: directories that hold nothing.
            name: what is unpacked, for the message.

        Returns:
            The bytes of disk that it will take.

        Raises:
            DiskFullError: it does not fit.
        """
        folders = _directories((*files, *links), empty)
        self._need = sum(map(allocated, files.values()))
        need = self._need + (len(folders) + 2) * DISK_BLOCK  # 2: the marker and its folder
        self._check_room(need, name)
        with disk_errors(self.root):
            for path in folders:
                os.mkdir(f"{self.root}/{path}", 0o755)  # noqa: PTH102 - a thousand of them, and a start waits
        return need

    def check_room(self, name: str) -> None:
        """Check again, before any content comes, that the files fit on the disk.

        Args:
            name: what is unpacked, for the message.

        Raises:
            DiskFullError: they do not fit.
        """
        self._check_room(self._need, name)

    def _check_room(self, need: int, name: str) -> None:
        disk = os.statvfs(self.root)
        free = disk.f_bavail * disk.f_frsize
        if need > free:
            raise DiskFullError(
                f"{name}: unpacks to {_megabytes(need)}, and {self.root.parent} has {_megabytes(free)} free of "
                f"{_megabytes(disk.f_blocks * disk.f_frsize)}; raise the function's disk to 10240 MB or build less into it"
            )

    def create(self, path: str, size: int, mode: int) -> None:
        """Create one file, as `create_all` does."""
        self.create_all([FileEntry(path, mode, size, 0, 0)])

    def create_all(self, files: Iterable[FileEntry]) -> None:
        """Create files of their final sizes and modes; `write` brings their content.

        Args:
            files: their directories exist. Until `set_mode`, their owner may also write.
        """
        root, masked = f"{self.root}/", self._masked
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with disk_errors(self.root):
            for path, mode, size, _block, _offset in files:
                file = os.open(root + path, flags, mode | OWNER_WRITES)
                try:
                    if size:
                        os.ftruncate(file, size)
                    if mode & masked:
                        os.fchmod(file, mode | OWNER_WRITES)
                finally:
                    os.close(file)

    def write(self, path: str, data: bytes | memoryview, *, position: int) -> None:
        """Write a part of a file that was created.

        Args:
            path: relative to the root.
            data: the part.
            position: bytes from the start of the file.

        Raises:
            DiskFullError: the disk is full after all.
        """
        with disk_errors(self.root):
            # No file lies below a link, so nothing here can lead out of the root.
            file = os.open(f"{self.root}/{path}", os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                view = memoryview(data)
                while view:
                    written = os.pwrite(file, view, position)
                    view, position = view[written:], position + written
            finally:
                os.close(file)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits of a file whose parts are all there."""
        with disk_errors(self.root):
            (self.root / path).chmod(mode)

    def make_links(self, links: Iterable[Link]) -> None:
        """Create symbolic links."""
        with disk_errors(self.root):
            for link in links:
                (self.root / link.path).symlink_to(link.target)


def _umask() -> int:
    """Return the permission bits that this process's new files lose."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o777  # a kernel before 4.7: whatever they lose must be given back


def _directories(files: Iterable[str], empty: Iterable[str]) -> list[str]:
    """Return all directories that files and links of these paths need, and the empty ones, parents first."""
    found: set[str] = set()
    for path in (*(each.rpartition("/")[0] for each in files), *empty):
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return sorted(found)


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Turn what the file system says under it into errors of a start.

    Args:
        root: the directory that is written to.

    Raises:
        DiskFullError: the disk is full.
        ConfigurationError: something else is in the way.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"{root.parent}: the disk is full, though the archive would have fitted when the start began; something "
                "else writes there: raise the function's disk to 10240 MB"
            ) from error
        raise unusable(root, error) from error


def unusable(path: Path, error: OSError) -> ConfigurationError:
    """Return the error about a directory that cannot be written."""
    return ConfigurationError(f"{path}: cannot be written ({error.strerror}); name a directory below /tmp")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
