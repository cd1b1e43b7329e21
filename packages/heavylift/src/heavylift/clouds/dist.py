"""What the build left in `dist/`: read from its manifest, never guessed from file names."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from heavylift.clouds.archives import Archive
from heavylift.errors import HeavyliftError


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """The parts of one build (format: docs/reference/contracts.md, section 2)."""

    applib: Archive
    model: Archive
    code: Path  # the folder that becomes /code
    unpacked: int  # bytes on disk of the applib and the model
    python: str  # "3.11"


def read_build(dist: Path) -> Build:
    """Read `dist/manifest.json`.

    Raises:
        HeavyliftError: there is no complete build in that folder.
    """
    manifest = dist / "manifest.json"
    try:
        record = json.loads(manifest.read_text(encoding="utf-8"))
        return Build(
            applib=_archive(dist, record["applib"]),
            model=_archive(dist, record["model"]),
            code=dist / record["code"]["path"],
            unpacked=record["applib"]["unpacked"] + record["model"]["unpacked"],
            python=record["target"]["python"],
        )
    except FileNotFoundError as error:
        raise HeavyliftError(f"{manifest} does not exist: nothing was built yet; run `make build`") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HeavyliftError(
            f"{manifest} is not a build's manifest ({type(error).__name__}: {error}); "
            f"remove {dist} and run `make build`"
        ) from error


def _archive(dist: Path, record: dict[str, object]) -> Archive:
    return Archive(
        path=dist / str(record["path"]),
        key=str(record["key"]),
        digest=str(record["digest"]),
        size=int(str(record["packed"])),
    )


def zip_code(code: Path) -> bytes:
    """Zip the code package in memory, with fixed times, so that the same code gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(code.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(code).as_posix())
                entry.external_attr = (0o100000 | path.stat().st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
