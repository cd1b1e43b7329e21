"""The directory that an archive is unpacked to: marked as complete, or as partial, or not there at all.

A load fills the directory under its final name, because modules are imported from it meanwhile. From its first moment it
holds a marker that says so; at the end, the marker is renamed to the one of a complete destination. A load that fails removes
what it wrote and puts back what was there before; what a killed one left is removed by the next. One load at a time works
on a destination (`flock`). Survives the death of the process, not of the machine: an instance's disk ends with the instance,
so nothing is synced.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heavylift.contracts.archive import RESERVED, FileEntry, Link
from heavylift.contracts.failures import ConfigurationError, DeadlineError, DiskFullError
from heavylift.runtime.retries import Deadline

MARKER = f"{RESERVED}/complete.json"
PARTIAL_MARKER = f"{RESERVED}/partial"
DISK_BLOCK = 4096  # bytes; what a file system gives out at a time
OWNER_WRITES = 0o200  # the permission bit without which a file cannot be opened to be filled
_ASIDE = ".partial-"  # in the names of directories beside the destination: what is made, and what is removed
_LOCK = ".lock"
_POLL = 0.05  # seconds between two looks at a lock that another process holds


@dataclass(frozen=True, slots=True)
class Origin:
    """The object that a destination was unpacked from.

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


class Destination:
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
        """Keep other loads of the same destination out, also those of other processes, and sweep the leftovers of killed ones.

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
        """Return the origin of the complete content; None when there is nothing.

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
    def filling(self, origin: Callable[[], Origin]) -> Iterator[DirectoryWriter]:
        """Give out the empty destination to fill; it is complete after that, or as it was before when anything is raised.

        Args:
            origin: returns what it holds, in the end.

        Raises:
            DiskFullError: no room for the marker.
            ConfigurationError: the destination cannot be made or replaced.
        """
        try:
            retired = self._aside() if self.path.exists() else None
            if retired:
                self.path.rename(retired)
            fresh = self._aside()
            (fresh / RESERVED).mkdir(0o755)
            (fresh / PARTIAL_MARKER).touch(0o644)
            fresh.chmod(0o755)
            fresh.rename(self.path)
        except OSError as error:
            raise _unusable(self.path, error) from error
        writer = DirectoryWriter(self.path)
        try:
            yield writer
            writer.finish(origin())
        except BaseException:
            self._discard()
            if retired:
                retired.rename(self.path)
            raise
        if retired:
            shutil.rmtree(retired, ignore_errors=True)  # the next start sweeps what cannot be removed now

    def _aside(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=self.path.name + _ASIDE, dir=self.path.parent))

    def _discard(self) -> None:
        aside = self._aside()
        self.path.rename(aside)  # at once: nobody sees it half removed
        shutil.rmtree(aside, ignore_errors=True)  # the next start sweeps what cannot be removed now

    def _sweep(self) -> None:
        if (self.path / PARTIAL_MARKER).exists():
            self._discard()
        for each in self.path.parent.iterdir():
            if each.name.startswith(self.path.name + _ASIDE):
                shutil.rmtree(each, ignore_errors=True)  # it only costs room; the check of the disk will tell


class DirectoryWriter:
    """Writes the files of a directory that is being filled. Only checked paths may come in. Used by several threads at once.

    Args:
        root: the directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._masked = _umask()

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
        with _disk_errors(self.root):
            for path in folders:
                os.mkdir(f"{self.root}/{path}", 0o755)  # noqa: PTH102 - a thousand of them, and a start waits
        return need

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
        with _disk_errors(self.root):
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
        with _disk_errors(self.root):
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
        with _disk_errors(self.root):
            (self.root / path).chmod(mode)

    def make_links(self, links: Iterable[Link]) -> None:
        """Create symbolic links."""
        with _disk_errors(self.root):
            for link in links:
                (self.root / link.path).symlink_to(link.target)

    def finish(self, origin: Origin) -> None:
        """Write the origin of the directory's content into its marker; it is complete from here on."""
        record = {"digest": origin.digest, "key": origin.key, "etag": origin.etag, "size": origin.size}
        self.write(PARTIAL_MARKER, json.dumps(record).encode(), position=0)
        with _disk_errors(self.root):
            (self.root / PARTIAL_MARKER).rename(self.root / MARKER)


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
