"""Function Compute's state on disk: one JSON document for what exists, one folder for each code package.

Every change writes the whole document beside the old one and renames it, so a crash loses nothing that was acknowledged.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import os
import shutil
import stat
import struct
import uuid
import zipfile
import zlib
from collections.abc import Set
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from localcloud.fc.errors import FcError
from localcloud.fc.model import Function, Service, Trigger
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
MAX_UNPACKED = 2 * 1024**3  # bytes; a package may not fill the disk of this machine


class FcStore:
    """What exists, in memory and on disk. Not thread-safe: one event loop uses it.

    Args:
        folder: where it lies; created if need be.

    Raises:
        LocalCloudError: the state cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "functions.json"
        self._code = folder / "code"
        try:
            self._code.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalCloudError(
                f"cannot use {self._code} ({error.strerror}); put that right, or choose another data folder"
            ) from error
        self.services: dict[str, Service] = {}
        self.functions: dict[str, Function] = {}  # by path
        self.triggers: dict[tuple[str, str], Trigger] = {}  # by function's path and name
        if self._path.exists():
            self._load()
        self.drop_code(keep=frozenset())

    def _load(self) -> None:
        try:
            record = json.loads(self._path.read_bytes())
            self.services = {each["name"]: Service(**each) for each in record["services"]}
            functions = [Function(**each) for each in record["functions"]]
            self.functions = {each.path: each for each in functions}
            triggers = [Trigger(**each) for each in record["triggers"]]
            self.triggers = {(each.function, each.name): each for each in triggers}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise LocalCloudError(
                f"{self._path} cannot be read ({type(error).__name__}); restore it, or remove the data folder to start anew"
            ) from error

    def save(self) -> None:
        """Write what exists."""
        record = {
            "services": [asdict(each) for each in self.services.values()],
            "functions": [asdict(each) for each in self.functions.values()],
            "triggers": [asdict(each) for each in self.triggers.values()],
        }
        write_private(self._path, json.dumps(record).encode())

    def code_folder(self, code: str) -> Path:
        """Return the folder with an unpacked code package."""
        return self._code / code

    def add_code(self, content: bytes) -> tuple[str, str]:
        """Unpack a code package.

        Args:
            content: a zip file.

        Returns:
            Its name in the store, and its CRC-64 checksum.

        Raises:
            FcError: InvalidArgument: not a zip file, hostile paths, or too large.
        """
        name = hashlib.sha256(content).hexdigest()
        target = self.code_folder(name)
        if not target.exists():
            staging = self._code / f"new-{uuid.uuid4().hex}"
            try:
                _unpack(content, staging)
                staging.rename(target)
            except _UNREADABLE as error:
                raise FcError("InvalidArgument", f"code: the package cannot be unpacked: {error}") from error
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return name, str(update_crc64(content))

    def drop_code(self, *, keep: Set[str]) -> None:
        """Remove the code packages that no function uses any more.

        Args:
            keep: names of packages that instances still run.
        """
        used = {function.code for function in self.functions.values()} | keep
        for path in self._code.iterdir():
            if path.name in used:
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
