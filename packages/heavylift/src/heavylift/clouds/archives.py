"""Brings archives to a bucket: parallel, resumable, skipped when they are there already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import oss2

from heavylift.clouds.verify import verify_archive
from heavylift.contracts.manifest import Archive
from heavylift.errors import HeavyliftError

PART_SIZE = 8 * 1024 * 1024  # bytes
THREADS = 4


def check_archive(archive: Archive) -> None:
    """Check that an archive is whole, and the one that its digest names.

    Raises:
        HeavyliftError: the message says which file differs.
    """
    path = archive.path
    try:
        if (size := path.stat().st_size) != archive.packed:
            raise HeavyliftError(f"{path} has {size:,} bytes, the manifest says {archive.packed:,}; build again")
        verify_archive(path, archive.digest)
    except (OSError, ValueError) as error:
        raise HeavyliftError(
            f"{path!s:.200} cannot be read ({error}), but the manifest names it; build again"
        ) from error


def is_uploaded(bucket: oss2.Bucket, key: str) -> bool:
    """Return whether the bucket holds an object whose key names its content, so that its presence is enough."""
    try:
        bucket.head_object(key)
    except oss2.exceptions.NotFound:
        return False
    return True


def upload(bucket: oss2.Bucket, path: Path, key: str, progress: Callable[[int], None], *, checkpoints: Path) -> None:
    """Upload one file in parts; an interrupted upload goes on where it stopped.

    Args:
        bucket: the target, whose `Auth` signs with V4.
        path: what to upload.
        key: the object that it becomes.
        progress: called with the number of bytes uploaded so far.
        checkpoints: a folder that remembers unfinished uploads.

    Raises:
        oss2.exceptions.OssError: the bucket refused it.
    """
    oss2.resumable_upload(
        bucket,
        key,
        str(path),
        store=oss2.ResumableStore(root=str(checkpoints)),
        multipart_threshold=PART_SIZE,
        part_size=PART_SIZE,
        num_threads=THREADS,
        progress_callback=lambda done, _total: progress(done),
    )
