"""The manifest of a build: its parts, as values and as the file `manifest.json` (docs/reference/contracts.md, section 2).

Only the build writes it, last of all. Paths are relative to its folder in the file, and absolute or relative to the working folder,
as the folder was given, in the values.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from heavylift.contracts.fields import FieldError, Fields
from heavylift.contracts.platform import Target
from heavylift.errors import HeavyliftError

NAME = "manifest.json"
FORMAT = 1
ADVICE = "run `heavylift build` again"

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ManifestError(HeavyliftError):
    """There is no build that can be used; the message names the file and the field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """An archive, and the object that it becomes."""

    key: str  # of the object: PART/DIGEST.zip
    digest: str  # sha256 in hex, of the content; the function compares it
    path: Path
    packed: int  # bytes
    unpacked: int  # bytes on the function's disk, in whole blocks
    files: int
    compressor: str  # which program packed it; another one may pack the same content into other bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """The files that a prune rule removed."""

    rule: str
    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Applib(Archive):
    """The archive of the libraries."""

    versions: Mapping[str, str]  # of each package
    pruned: tuple[Pruned, ...]
    bytecode: bool  # whether it holds compiled modules
    imported: bool  # whether a Python of its target has imported the libraries
    system: Mapping[str, tuple[str, ...]]  # libraries that the runtime must have, and the packages that need them
    lock: Path | None = None  # names each package that was installed, with hashes; None: a manifest that does not say


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The code package."""

    path: Path  # the folder that becomes /code
    digest: str  # sha256 in hex, of names and contents
    packed: int  # bytes zipped
    unpacked: int  # bytes on disk, in whole blocks
    files: int


Part = Archive | Code


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The parts that were built for one target; None: not yet."""

    target: Target
    applib: Applib | None = None
    model: Archive | None = None
    code: Code | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name, in the order in which they are built."""
        parts = {"applib": self.applib, "model": self.model, "code": self.code}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def archives(self) -> tuple[Archive, ...]:
        """The archives that there are."""
        return tuple(part for part in (self.applib, self.model) if part is not None)

    @property
    def unpacked(self) -> int:
        """Bytes that the archives take on the function's disk."""
        return sum(archive.unpacked for archive in self.archives)


@dataclass(frozen=True, kw_only=True, slots=True)
class Build(Manifest):
    """A build that can be deployed: code and libraries are there, and a model where the function has one."""

    applib: Applib
    code: Code


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a build, whichever parts it has.

    Args:
        folder: the build's output.

    Raises:
        ManifestError: nothing was built there, or the file is no manifest.
    """
    path = folder / NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(f"{path} does not exist: run `heavylift build` first") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({error}); {ADVICE}") from error
    try:
        return _parse(Fields(record), folder)
    except FieldError as error:
        raise ManifestError(f"{path}: {error}; {ADVICE}") from error


def read_build(folder: Path) -> Build:
    """Read the manifest of a build that is to be deployed.

    Args:
        folder: the build's output.

    Raises:
        ManifestError: nothing was built there, or a part is missing or lies elsewhere.
    """
    manifest = read_manifest(folder)
    if manifest.applib is None or manifest.code is None:
        missing = "applib" if manifest.applib is None else "code"
        raise ManifestError(f"{folder / NAME}: {missing}: is missing; run `heavylift build`, which makes all parts")
    for name, part in manifest.parts.items():
        _check_place(name, part, folder)
    return Build(target=manifest.target, applib=manifest.applib, model=manifest.model, code=manifest.code)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest of a build, whole or not at all.

    Args:
        manifest: its parts lie in the folder.
        folder: the build's output.
    """
    target = {"python": manifest.target.python, "platform": manifest.target.platform}
    parts = {name: part_record(part, folder) for name, part in manifest.parts.items()}
    write_json(folder / NAME, {"format": FORMAT, "target": target, **parts})


def part_record(part: Part, folder: Path) -> dict[str, object]:
    """Return a part as it stands in the manifest of a folder."""
    record = {**asdict(part), "path": part.path.relative_to(folder).as_posix()}
    if isinstance(part, Applib):
        record["lock"] = os.path.relpath(part.lock, folder) if part.lock else ""  # beside the requirements
    return record


def write_json(path: Path, record: object) -> None:
    """Write a file of JSON by rename, when its bytes are on the disk."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _parse(fields: Fields, folder: Path) -> Manifest:
    if (number := fields.integer("format")) != FORMAT:
        raise FieldError(f"format: is {number}, this version reads {FORMAT}")
    target = fields.fields("target")
    return Manifest(
        target=Target(target.text("python"), target.text("platform")),
        applib=_parse_applib(fields.fields("applib"), folder) if "applib" in fields else None,
        model=_parse_archive("model", fields.fields("model"), folder) if "model" in fields else None,
        code=_parse_code(fields.fields("code"), folder) if "code" in fields else None,
    )


def _parse_applib(fields: Fields, folder: Path) -> Applib:
    archive = _parse_archive("applib", fields, folder)
    versions, system = fields.fields("versions"), fields.fields("system")
    return Applib(
        **{name: getattr(archive, name) for name in Archive.__slots__},
        versions={name: versions.text(name) for name in versions},
        pruned=tuple(
            Pruned(rule=each.text("rule"), files=each.integer("files"), bytes=each.integer("bytes"))
            for each in fields.each("pruned")
        ),
        bytecode=fields.flag("bytecode"),
        imported=fields.flag("imported"),
        system={name: system.texts(name) for name in system},
        lock=folder / fields.text("lock") if "lock" in fields and fields.text("lock") else None,
    )


def _parse_archive(part: str, fields: Fields, folder: Path) -> Archive:
    key, digest, path = fields.text("key"), fields.text("digest"), fields.text("path")
    if not _SHA256.fullmatch(digest):
        raise FieldError(f"{fields.where('digest')}: is not 64 hex digits")
    if key != f"{part}/{digest}.zip" or path != key:  # roles and deployment rely on it
        raise FieldError(f"{fields.where('key')}: is {key!r:.100} with the path {path!r:.100}, not {part}/DIGEST.zip")
    return Archive(
        key=key,
        digest=digest,
        path=folder / path,
        packed=fields.integer("packed"),
        unpacked=fields.integer("unpacked"),
        files=fields.integer("files"),
        compressor=fields.text("compressor"),
    )


def _parse_code(fields: Fields, folder: Path) -> Code:
    return Code(
        path=folder / fields.text("path"),
        digest=fields.text("digest"),
        packed=fields.integer("packed"),
        unpacked=fields.integer("unpacked"),
        files=fields.integer("files"),
    )


def _check_place(name: str, part: Part, folder: Path) -> None:
    where = f"{folder / NAME}: {name}.path"
    try:
        inside = part.path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, ValueError) as error:
        raise ManifestError(f"{where}: {part.path!s:.200} cannot be read ({error}); {ADVICE}") from error
    if not inside:
        raise ManifestError(f"{where}: {part.path} lies outside of {folder}; {ADVICE}")
