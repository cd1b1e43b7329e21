"""The directory that an archive is unpacked to: marked as complete, or as partial, or not there at all.

A load fills the directory under its final name, because modules are imported from it meanwhile. From its first moment it
holds a marker that says so; at the end, the marker is renamed to the one of a complete destination. A load that fails removes
what it wrote and puts back what was there before; what a killed one left is removed by the next. One load at a time works
on a destination (`flock`). Survives the death of the process, not of the machine: an instance's disk ends with the instance,
so nothing is synced.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from heavylift.contracts.archive import RESERVED
from heavylift.contracts.failures import ConfigurationError, DeadlineError
from heavylift.runtime.retries import Deadline
from heavylift.runtime.writer import DirectoryWriter, disk_errors, unusable

MARKER = f"{RESERVED}/complete.json"
PARTIAL_MARKER = f"{RESERVED}/partial"
_ASIDE = ".partial-"  # in the names of directories beside the destination: what is made, and what is removed
_LOCK = ".lock"
_POLL = 0.05  # seconds between two looks at a lock that another process holds


class Origin(NamedTuple):
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
            raise unusable(self.path, error) from error
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
            raise unusable(self.path, error) from error
        writer = DirectoryWriter(self.path)
        try:
            yield writer
            self._finish(writer, origin())
        except BaseException:
            self._discard()
            if retired:
                retired.rename(self.path)
            raise
        if retired:
            _remove(retired)

    def _finish(self, writer: DirectoryWriter, origin: Origin) -> None:
        """Write the origin of the content into the marker; the destination is complete from here on."""
        record = {"digest": origin.digest, "key": origin.key, "etag": origin.etag, "size": origin.size}
        writer.write(PARTIAL_MARKER, json.dumps(record).encode(), position=0)
        with disk_errors(self.path):
            (self.path / PARTIAL_MARKER).rename(self.path / MARKER)

    def _aside(self) -> Path:
        """Make a directory beside it, of a name that is new: `tempfile` takes time to import."""
        aside = Path(f"{self.path}{_ASIDE}{os.getpid()}-{time.monotonic_ns()}")
        aside.mkdir(0o700)
        return aside

    def _discard(self) -> None:
        aside = self._aside()
        self.path.rename(aside)  # at once: nobody sees it half removed
        _remove(aside)

    def _sweep(self) -> None:
        if (self.path / PARTIAL_MARKER).exists():
            self._discard()
        for each in self.path.parent.iterdir():
            if each.name.startswith(self.path.name + _ASIDE):
                _remove(each)


def _remove(path: Path) -> None:
    """Remove a directory; what cannot be removed the next start sweeps, and the check of the disk tells of its room."""
    from shutil import rmtree  # takes time to import, and a start that finds nothing removes nothing

    rmtree(path, ignore_errors=True)


def _acquire(lock: int, deadline: Deadline, path: Path) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if deadline.remaining() <= 0:
                raise DeadlineError(f"{path}: another start is still filling it; try again later") from None
            time.sleep(min(_POLL, deadline.remaining()))
