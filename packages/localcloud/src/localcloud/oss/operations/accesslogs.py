"""Access logs of buckets: lines wait in a file for each bucket and hour, which becomes an object of the target bucket.

A line is on disk when its request has been answered; one that finds no room is left out, as OSS promises no line. A file whose hour
is over is renamed before it is read, so that nothing is added to it any more, and goes when its object is durable.

Source: OSS, PutBucketLogging; "Logging".
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from localcloud.oss.accesslog import BEIJING
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.operations.objects import ObjectOperations
from localcloud.oss.settings.logging import target_of
from localcloud.oss.store.blobs import CHUNK
from localcloud.oss.store.store import Store

HOUR = 3600  # seconds
MAX_FILE = 64 * 1024**2  # bytes of a bucket's lines of an hour; what comes beyond is left out


class AccessLogs:
    """The access logs of all buckets.

    Args:
        store: where buckets are kept.
        objects: writes the logs.
        folder: of the lines that wait; created when the first one comes.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, objects: ObjectOperations, folder: Path, clock: Callable[[], float]) -> None:
        self._store = store
        self._objects = objects
        self._folder = folder
        self._clock = clock

    def add(self, bucket: Bucket, line: bytes) -> None:
        """Add a line to a bucket's log of this hour; it blocks for a moment only, and never fails."""
        path = self._folder / f"{int(self._clock()) // HOUR}-{bucket.name}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with contextlib.suppress(OSError):  # the disk is full
            try:
                descriptor = os.open(path, flags, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(exist_ok=True)
                descriptor = os.open(path, flags, 0o600)
            try:
                if os.fstat(descriptor).st_size < MAX_FILE:
                    os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def deliver(self, now: float | None = None) -> int:
        """Write the logs of the hours that are over.

        Args:
            now: the moment, in seconds since the epoch; None: the clock's.

        Returns:
            The number of objects that were written.
        """
        moment = self._clock() if now is None else now
        return sum(self._deliver(path, moment) for path in self._due(moment))

    def _due(self, now: float) -> Iterator[Path]:
        for path in sorted(self._folder.glob("*-*")):
            if path.suffix:  # taken by a run that could not write it
                yield path
            elif (int(path.name.partition("-")[0]) + 1) * HOUR <= now:
                taken = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
                path.rename(taken)
                yield taken

    def _deliver(self, path: Path, now: float) -> bool:
        """Write a file's lines as an object; where the bucket logs no more, or its target has gone, they go."""
        name = path.stem.partition("-")[2]
        bucket = self._store.buckets.find(name)
        target = target_of(bucket) if bucket else None
        if bucket is not None and target is not None:
            holder = self._store.buckets.find(target.bucket)
            moment = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime(now + BEIJING))
            key = f"{target.prefix}{name}{moment}-{path.suffix.removeprefix('.')}"
            try:
                if holder is not None and holder.owner == bucket.owner:
                    blob = self._store.blobs.write(_read(path))
                    self._objects.put(target.bucket, key, blob, requester=bucket.owner)
                    path.unlink()
                    return True
            except OssError as error:
                if error.code == "ServiceUnavailable":  # the disk is full: the next run goes on
                    return False
        path.unlink()
        return False


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")
