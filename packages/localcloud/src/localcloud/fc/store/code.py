"""Code packages on disk: for each its zip file and a folder, unpacked, named by its digest."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import shutil
import stat
import struct
import uuid
import zipfile
import zlib
from collections.abc import Set
from pathlib import Path, PurePosixPath

from localcloud.fc.errors import FcError
from localcloud.kernel.crc64 import update_crc64
from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError

# What the zipfile module raises at a damaged or hostile package, besides its own error: the errors of its parts.
_UNREADABLE = (
    zipfile.BadZipFile,
    OSError,
    RuntimeError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
ZIP = ".zip"
MAX_UNPACKED = 2 * 1024**3  # bytes; a package may not fill the disk of this machine


class CodeStore:
    """The unpacked code packages.

    Args:
        folder: where they lie; created if need be.

    Raises:
        LocalCloudError: the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalCloudError(
                f"cannot use {folder} ({error.strerror}); put that right, or choose another data folder"
            ) from error

    def folder(self, code: str) -> Path:
        """Return the folder of an unpacked code package."""
        return self._folder / code

    def archive(self, code: str) -> Path:
        """Return the zip file of a code package; one that an earlier release unpacked alone is packed anew."""
        path = self._zip(code)
        if not path.exists():
            staging = self._folder / f"new-{uuid.uuid4().hex}"
            packed = Path(shutil.make_archive(str(staging), "zip", self.folder(code)))
            packed.rename(path)
        return path

    def _zip(self, code: str) -> Path:
        return self._folder / f"{code}{ZIP}"

    def add(self, content: bytes) -> tuple[str, str]:
        """Unpack a code package.

        Args:
            content: a zip file.

        Returns:
            Its name in the store, and its CRC-64 checksum.

        Raises:
            FcError: InvalidArgument: not a zip file, hostile paths, or too large.
        """
        name = hashlib.sha256(content).hexdigest()
        target = self.folder(name)
        if not target.exists():
            staging = self._folder / f"new-{uuid.uuid4().hex}"
            try:
                _unpack(content, staging)
                write_private(self._zip(name), content)
                staging.rename(target)
            except _UNREADABLE as error:
                # The text of an error at a file would name a path of this machine.
                why = error.strerror if isinstance(error, OSError) and error.filename else error
                raise FcError("InvalidArgument", f"code: the package cannot be unpacked: {why}") from error
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return name, str(update_crc64(content))

    def drop(self, *, keep: Set[str]) -> None:
        """Remove all code packages but some.

        Args:
            keep: the names of those.
        """
        for path in self._folder.iterdir():
            if path.name.removesuffix(ZIP) in keep:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _unpack(content: bytes, target: Path) -> None:
    target.mkdir()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_UNPACKED:
            raise FcError(
                "InvalidArgument", f"code: the package unpacks to {size} bytes; at most {MAX_UNPACKED} are allowed"
            )
        for entry in archive.infolist():
            if not entry.filename.strip("/"):
                raise FcError("InvalidArgument", "code: the package holds an entry without a name")
            path = PurePosixPath(entry.filename)
            mode = entry.external_attr >> 16
            if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(mode):
                raise FcError("InvalidArgument", f"code: the package holds {entry.filename!r}, which points out of it")
            extracted = Path(archive.extract(entry, target))
            if not entry.is_dir():
                os.chmod(extracted, (mode & 0o777 or 0o644) | 0o444)  # noqa: PTH101 - Path.chmod is the same
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - an instance runs as another user
