"""Builds that were made before: this function's last one, and those of the project's other functions, whose archives serve here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from heavylift.build.options import Options
from heavylift.build.plan import Plan, fingerprint, folder_digest
from heavylift.contracts.manifest import Archive, Code, Manifest, ManifestError, Part, part_record, read_manifest
from heavylift.contracts.platform import Target

STATE = "state.json"  # the fingerprints of the parts that the manifest names


def read_last(dist: Path, target: Target) -> tuple[Manifest, dict[str, Any]]:
    """Return the manifest of a build, and the fingerprints of its parts; without parts where there is none.

    Args:
        dist: its folder.
        target: of a manifest without parts.
    """
    try:
        manifest = read_manifest(dist)
        state = json.loads((dist / STATE).read_bytes())
    except (ManifestError, OSError, ValueError):
        return Manifest(target=target), {}  # no build yet, or its record is damaged: everything is made anew
    return manifest, state if isinstance(state, dict) else {}


def seal(inputs: str, part: Part, dist: Path) -> str:
    """Tie inputs to the parts made of them: a state written just before a kill does not vouch for an older manifest."""
    return fingerprint([inputs, json.dumps(part_record(part, dist), sort_keys=True)])


def is_current(name: str, plan: Plan, last: Manifest, state: Mapping[str, str], dist: Path) -> bool:
    """Return whether a part of a build is what a plan would make."""
    part = last.parts.get(name)
    if part is None or state.get(name) != seal(plan.fingerprints[name], part, dist):
        return False
    if isinstance(part, Code):
        return part.path.is_dir() and folder_digest(part.path) == part.digest
    return part.path.is_file() and part.path.stat().st_size == part.packed


def take_over(name: str, plan: Plan, options: Options) -> Archive | None:
    """Return an archive that another function of the project has of the same inputs, as one of this build; None: there is none."""
    for dist in options.other_builds:
        manifest, state = read_last(dist, options.target)
        part = manifest.parts.get(name)
        serves = manifest.target == options.target and is_current(name, plan, manifest, state, dist)
        if serves and isinstance(part, Archive):
            return replace(part, path=_share(part.path, options.dist / name))
    return None


def _share(archive: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path, temporary = folder / archive.name, folder / f"{archive.name}.new"
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(archive)  # nothing writes into an archive
    except OSError:  # a file system without links
        shutil.copyfile(archive, temporary)
    temporary.replace(path)
    return path
