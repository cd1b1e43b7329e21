"""The directory that an archive is unpacked to: complete or not there at all.

A load writes into a staging directory beside the target and renames it at the end, so a load that fails or is killed
leaves nothing that could be taken for complete. One load at a time works on a target (`flock`); whoever comes next
finds it done, and removes what killed loads left. Survives the death of the process, not of the machine: an instance's
disk ends with the instance, so nothing is synced.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .archive import RESERVED, Link
from .errors import ConfigurationError, DeadlineError, DiskFullError
from .store import Deadline

MARKER = f"{RESERVED}/complete.json"
DISK_BLOCK = 4096  # bytes; what a file system gives out at a time
_PARTIAL = ".partial-"
_LOCK = ".lock"
_POLL = 0.05  # seconds between two looks at a lock that another process holds


@dataclass(frozen=True, slots=True)
class Origin:
    """What a target was unpacked from.

    Attributes:
        digest: the pinned digest, or empty when none was pinned.
        key: the object's key.
        etag: the object's version.
        size: bytes of the object.
    """

    digest: str
    key: str
    etag: str
    size: int


def allocated(size: int) -> int:
    """Return the bytes of disk that a file of `size` bytes takes."""
    return -(-size // DISK_BLOCK) * DISK_BLOCK


class Target:
    """One directory to fill. Use it inside `locked`.

    Args:
        path: the directory; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        if self.path == self.path.parent:
            raise ConfigurationError(f"{path}: cannot be replaced; name a directory below it")

    @contextmanager
    def locked(self, deadline: Deadline) -> Iterator[None]:
        """Keep other loads of the same target out, also those of other processes, and sweep what killed ones left.

        Raises:
            DeadlineError: another load did not end in time.
            ConfigurationError: the directory beside it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The file stays: to remove it would let two loads lock two files of one name.
            lock = os.open(f"{self.path}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            _acquire(lock, deadline, self.path)
            self._sweep()
            yield
        finally:
            os.close(lock)

    def origin(self) -> Origin | None:
        """Return what the target holds, complete; None when there is nothing.

        Raises:
            ConfigurationError: there is something that no load put there. It is not touched.
        """
        try:
            record = json.loads((self.path / MARKER).read_bytes())
            return Origin(record["digest"], record["key"], record["etag"], record["size"])
        except FileNotFoundError:
            if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
                return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{self.path / MARKER}: cannot be read ({error}); remove {self.path}") from error
        raise ConfigurationError(
            f"{self.path}: exists, and no start put it there; remove it, or name another directory, or set `local` to "
            "use it as it is"
        )

    @contextmanager
    def staging(self) -> Iterator[Staging]:
        """Give out an empty directory beside the target; it is removed unless it was committed."""
        try:
            root = Path(tempfile.mkdtemp(prefix=self.path.name + _PARTIAL, dir=self.path.parent))
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            yield Staging(root)
        finally:
            shutil.rmtree(root, ignore_errors=True)  # the next start sweeps what cannot be removed now

    def commit(self, staging: Staging, origin: Origin) -> None:
        """Make the staging directory the target, in place of what an earlier load put there.

        Raises:
            DiskFullError: no room for the marker.
            ConfigurationError: the target cannot be replaced; it is as it was.
        """
        staging.write_marker(origin)
        try:
            staging.root.chmod(0o755)
            if not self.path.exists():
                staging.root.rename(self.path)
                return
            retired = Path(tempfile.mkdtemp(prefix=self.path.name + _PARTIAL, dir=self.path.parent))
            self.path.rename(retired)
            try:
                staging.root.rename(self.path)
            except OSError:
                retired.rename(self.path)
                raise
        except OSError as error:
            raise _unusable(self.path, error) from error
        shutil.rmtree(retired, ignore_errors=True)  # the next start sweeps what cannot be removed now

    def _sweep(self) -> None:
        for each in self.path.parent.iterdir():
            if each.name.startswith(self.path.name + _PARTIAL):
                shutil.rmtree(each, ignore_errors=True)  # it only costs room; the check of the disk will tell


class Staging:
    """A directory that is being filled. Only checked paths may come in. Used by several threads at once.

    Args:
        root: the empty directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

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
        need = sum(map(allocated, files.values())) + (len(folders) + 2) * DISK_BLOCK  # 2: the marker and its folder
        disk = os.statvfs(self.root)
        free = disk.f_bavail * disk.f_frsize
        if need > free:
            raise DiskFullError(
                f"{name}: unpacks to {_megabytes(need)}, and {self.root.parent} has {_megabytes(free)} free of "
                f"{_megabytes(disk.f_blocks * disk.f_frsize)}; raise the function's disk to 10240 MB or build less into it"
            )
        self._make_directories(folders)
        return need

    def _make_directories(self, paths: Iterable[str]) -> None:
        with _disk_errors(self.root):
            for path in paths:
                (self.root / path).mkdir(0o755)

    def write(self, path: str, data: bytes, *, position: int, mode: int, last: bool) -> None:
        """Write a part of a file, which is created with the first part that arrives.

        Args:
            path: relative to the root; its directory exists.
            data: the part.
            position: bytes from the start of the file.
            mode: the file's permission bits.
            last: no other part follows; the mode is exact from then on.

        Raises:
            DiskFullError: the disk is full after all.
        """
        with _disk_errors(self.root):
            # Only links come after files, so nothing here can lead out of the root.
            file = os.open(f"{self.root}/{path}", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode | 0o200)
            try:
                view = memoryview(data)
                while view:
                    written = os.pwrite(file, view, position)
                    view, position = view[written:], position + written
                if last:
                    os.fchmod(file, mode)
            finally:
                os.close(file)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits of a file whose parts are all there."""
        with _disk_errors(self.root):
            (self.root / path).chmod(mode)

    def make_links(self, links: Iterable[Link]) -> None:
        """Create symbolic links, when all files are there."""
        with _disk_errors(self.root):
            for link in links:
                (self.root / link.path).symlink_to(link.target)

    def write_marker(self, origin: Origin) -> None:
        """Say what the directory holds; it is complete from here on."""
        record = {"digest": origin.digest, "key": origin.key, "etag": origin.etag, "size": origin.size}
        self._make_directories([RESERVED])
        self.write(MARKER, json.dumps(record).encode(), position=0, mode=0o644, last=True)


def _directories(files: Iterable[str], empty: Iterable[str]) -> list[str]:
    """Return all directories that files and links of these paths need, and the empty ones, parents first."""
    found: set[str] = set()
    for path in (*(each.rpartition("/")[0] for each in files), *empty):
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return sorted(found)


def _acquire(lock: int, deadline: Deadline, path: Path) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if deadline.remaining() <= 0:
                raise DeadlineError(f"{path}: another start is still filling it; try again later") from None
            time.sleep(min(_POLL, deadline.remaining()))


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"{root.parent}: the disk is full, though the archive would have fitted when the start began; something "
                "else writes there: raise the function's disk to 10240 MB"
            ) from error
        raise _unusable(root, error) from error


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{path}: cannot be written ({error.strerror}); name a directory below /tmp")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
