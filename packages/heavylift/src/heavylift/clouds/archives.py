"""Brings archives to a bucket: parallel, resumable, skipped when they are there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import oss2

from heavylift.clouds.verify import verify_archive
from heavylift.errors import HeavyliftError

PART_SIZE = 8 * 1024 * 1024  # bytes
THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A file of the build and the object that it becomes."""

    path: Path
    key: str
    digest: str  # sha256 in hex, of the content
    size: int  # bytes


def check_archive(dist: Path, archive: Archive) -> None:
    """Check that an archive lies in the build's folder and is the one that the manifest names.

    Args:
        dist: the build.
        archive: what its manifest names.

    Raises:
        HeavyliftError: the message says which file differs.
    """
    path, named = archive.path, archive.path.relative_to(dist) if archive.path.is_relative_to(dist) else archive.path
    try:
        if not path.resolve(strict=True).is_relative_to(dist.resolve()):
            raise HeavyliftError(f"{dist}/manifest.json names {named}, which lies outside of {dist}; build again")
        if path.name != f"{archive.digest}.zip" or archive.key != f"{path.parent.name}/{path.name}":
            raise HeavyliftError(
                f"{dist}/manifest.json names {named} with the digest {archive.digest} for the object {archive.key}; these belong "
                "together: build again"
            )
        if (size := path.stat().st_size) != archive.size:
            raise HeavyliftError(f"{path} has {size:,} bytes, the manifest says {archive.size:,}; build again")
        verify_archive(path, archive.digest)
    except (OSError, ValueError) as error:
        raise HeavyliftError(
            f"{path!s:.200} cannot be read ({error}), but the manifest names it; build again"
        ) from error


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
