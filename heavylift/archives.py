"""Brings archives to a bucket: parallel, resumable, skipped when they are there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import oss2

PART_SIZE = 8 * 1024 * 1024  # bytes
THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A file of the build and the object that it becomes."""

    path: Path
    key: str
    digest: str  # sha256 in hex, of the content
    size: int  # bytes


def is_uploaded(bucket: oss2.Bucket, key: str) -> bool:
    """Say whether the bucket holds an object whose key names its content, so that its presence is enough."""
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
