"""Reads `dist/manifest.json`: what the build made, and for which Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heavylift.cdk.errors import ManifestError

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """An archive that the function loads when it starts."""

    key: str  # of its object
    digest: str  # sha256 of what is in it; the function compares it
    path: Path
    unpacked: int  # bytes on the function's disk


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """What the build made."""

    python: str  # "3.10"
    platform: str  # "manylinux_2_28_x86_64"
    applib: Archive
    model: Archive
    code: Path  # the folder that becomes /code
    code_digest: str
    code_packed: int  # bytes zipped
    imported: bool  # whether the Python that the build is for has imported the libraries

    @property
    def archives(self) -> tuple[Archive, ...]:
        """All archives, in the order in which a start loads them."""
        return (self.applib, self.model)

    @property
    def unpacked(self) -> int:
        """Bytes that the archives take on the function's disk."""
        return sum(archive.unpacked for archive in self.archives)


def read_manifest(dist: Path) -> Build:
    """Read the manifest of a build.

    Args:
        dist: the build's output folder.

    Raises:
        ManifestError: nothing was built there, or parts of it are missing.
    """
    path = dist / "manifest.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(f"{path} does not exist: run `make build` first") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): run `make build` again") from error
    try:
        build = _parse(record, dist)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ManifestError(
            f"{path} is no manifest of format {FORMAT} ({type(error).__name__}: {error}): run `make build` again"
        ) from error
    for part in (*(archive.path for archive in build.archives), build.code):
        if not part.exists():
            raise ManifestError(f"{part} does not exist, but {path} names it: run `make build` again")
    return build


def _parse(record: Mapping[str, Any], dist: Path) -> Build:
    if record["format"] != FORMAT:
        raise ValueError(f"format {record['format']}")
    return Build(
        python=str(record["target"]["python"]),
        platform=str(record["target"]["platform"]),
        applib=_archive("applib", record["applib"], dist),
        model=_archive("model", record["model"], dist),
        code=dist / record["code"]["path"],
        code_digest=str(record["code"]["digest"]),
        code_packed=int(record["code"]["packed"]),
        imported=bool(record["applib"]["imported"]),
    )


def _archive(part: str, record: Mapping[str, Any], dist: Path) -> Archive:
    key, digest, path = str(record["key"]), str(record["digest"]), dist / record["path"]
    if key != f"{part}/{digest}.zip" or path.name != f"{digest}.zip":  # roles and deployment rely on it
        raise ValueError(f"{part} is not named by its digest: {key}")
    return Archive(key=key, digest=digest, path=path, unpacked=int(record["unpacked"]))
