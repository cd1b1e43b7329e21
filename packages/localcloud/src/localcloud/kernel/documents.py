"""Files that are written whole: after a kill the old content is there, or the new one."""

from __future__ import annotations

import os
from pathlib import Path

TEMPORARY = ".new"  # what a file's name ends with until it is whole


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, durably and all at once."""
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
