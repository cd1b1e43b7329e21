"""The plan of a build: locks, and a fingerprint of all inputs of each part; touches the lock files only."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from heavylift.build import binaries, resolve, sources
from heavylift.build.errors import BuildError
from heavylift.build.machine import find_interpreter
from heavylift.build.options import Options
from heavylift.build.prune import DEFAULT_RULES
from heavylift.build.recording import recording_path
from heavylift.build.reporter import Reporter
from heavylift.build.vendorlocks import lock_vendor
from heavylift.contracts import archive, index, pages
from heavylift.runtime import bytecode, lazy, pathfiles

VERSION = 2  # of what the build makes of its inputs; a change makes every build out of date


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The resolved inputs."""

    requirements: Path
    applib_lock: Path
    vendor_locks: Sequence[Path]
    recording: Path  # of the applib's target; it need not be there
    recipe: str  # of what each package of the applib depends on, other than itself
    staging: str  # fingerprint of the applib before it is packed
    vendor: str  # of the packages in every code package
    fingerprints: Mapping[str, str]  # of each part


def make_plan(options: Options, report: Reporter) -> Plan:
    """Lock the requirements that are not locked yet, and return the plan.

    Raises:
        BuildError: a file that the options name is missing, or the requirements cannot be resolved.
    """
    for path in options.prune_rules:
        if not path.is_file():
            raise BuildError(f"prune rules: {path}: there is no such file")
    for path in options.record or ():
        if not path.is_file():
            raise BuildError(f"--record {path}: there is no such file; name one with the payload of a request")
    requirements = options.requirements or options.root / "layers_build" / "applib.txt"
    applib_lock = _lock(requirements, options, report)
    vendor_locks, unmet = lock_vendor(applib_lock, options.cache / "locks", options.target)
    for each in unmet:
        report.note(f"the function gets {each}: the loader calls that package itself, and brings its own version")
    rules = [DEFAULT_RULES, *options.prune_rules] if options.prune else []
    shared = [str(VERSION), str(options.target), sys.version, version(archive.CODEC)]
    tools = [binaries.strip_version() if options.strip else "", str(find_interpreter(options.target))]
    recipe = fingerprint(shared, tools, [_digest(path) for path in rules], _own_sources())
    staging = fingerprint([recipe, _digest(applib_lock)], list(options.lazy_imports))
    folder = options.recordings or requirements.parent / "recordings"
    recording = recording_path(folder, requirements, options.target)
    applib = fingerprint([staging, _digest(recording) if recording.exists() else ""])
    model = fingerprint(shared, _model_inputs(options, staging), _own_sources())
    files = [f"{name} {_digest(path)}" for name, path in code_files(options, requirements).items()]
    vendor = fingerprint(shared, tools, [_digest(path) for path in (*vendor_locks, DEFAULT_RULES)], _own_sources())
    code = fingerprint([vendor], files)
    return Plan(
        requirements=requirements,
        applib_lock=applib_lock,
        vendor_locks=vendor_locks,
        recording=recording,
        recipe=recipe,
        staging=staging,
        vendor=vendor,
        fingerprints={"applib": applib, "model": model, "code": code},
    )


def _lock(requirements: Path, options: Options, report: Reporter) -> Path:
    path, resolved = resolve.lock(requirements, requirements.parent / "locks", options.target)
    if resolved:
        report.note(
            f"resolved {options.shown(requirements)} for {options.target} into {options.shown(path)}; commit it, so that others "
            "build the same"
        )
    return path


def code_files(options: Options, requirements: Path) -> dict[str, Path]:
    """Return the files of the code package, by their names in it."""
    made = (options.dist, options.builds, options.cache)
    if options.model:
        sources.check_apart("model", options.model, made)
    build = sources.BuildFiles(made=made, model=options.model, read=(requirements, *options.prune_rules))
    return sources.code_files(options.own_code, build)


def _model_inputs(options: Options, staging: str) -> list[str]:
    if options.model:
        return [_tree_digest(options.model)]
    if options.export:
        return [staging, _digest(Path(inspect.getfile(options.export)))]
    return []


def _own_sources() -> list[str]:
    folder = Path(__file__).parent
    own = [path for path in sorted(folder.glob("*.py")) if path.name != "reporter.py"]  # it makes nothing
    contracts = (Path(inspect.getfile(module)) for module in (archive, index, pages, bytecode, lazy, pathfiles))
    return [_digest(path) for path in (*own, *contracts)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree_digest(folder: Path) -> str:
    if not folder.is_dir():
        raise BuildError(f"model: {folder}: there is no such folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return fingerprint([f"{path.relative_to(folder)} {path.stat().st_mode} {_digest(path)}" for path in files])


def folder_digest(folder: Path) -> str:
    """Return the digest of a folder's files: of their names and contents."""
    return digest_of(file_digests(folder))


def file_digests(folder: Path) -> dict[str, str]:
    """Return the digest of the content of each file below a folder, by its path in it, in order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _digest(path) for path in files}


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the digest of a folder's files; see `file_digests`."""
    return fingerprint([f"{path} {digest}" for path, digest in digests.items()])


def fingerprint(*groups: Sequence[str]) -> str:
    """Return one digest of several lists of strings."""
    return hashlib.sha256(json.dumps(groups).encode()).hexdigest()
