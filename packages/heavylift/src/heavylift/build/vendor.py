"""The loading library's own packages, as every code package holds them: prepared once for each lock, target and set of tools."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from heavylift.build import binaries, resolve
from heavylift.build.installed import ChangedError, check_installed
from heavylift.build.prune import DEFAULT_RULES, prune, read_rules, survey
from heavylift.contracts.platform import Target

NAME = "vendor"  # of the folder in the code package


def prepare_vendor(locks: Sequence[Path], cache: Path, target: Target, fingerprint: str, *, strip: bool) -> Path:
    """Return a folder that holds `vendor` with the packages: installed, pruned, stripped and compiled.

    Args:
        locks: with hashes; they share no package.
        cache: where it is kept for the next build; those of other locks for the target go.
        target: chooses the wheels, and the Python that compiles.
        fingerprint: of all that the result depends on.
        strip: the symbols of shared libraries.

    Raises:
        BuildError: a package cannot be installed or compiled.
    """
    folder = cache / f"{NAME}-{target}-{fingerprint[:16]}"
    if folder.exists():
        return folder
    for old in cache.glob(f"{NAME}-{target}-*"):
        shutil.rmtree(old)
    scratch = folder.with_name(f"{folder.name}.new")
    vendor = scratch / NAME
    try:
        with ThreadPoolExecutor(binaries.WORKERS) as cores:
            try:
                _install(locks, vendor, target, cores)
            except ChangedError:  # somebody has edited a package in uv's cache
                shutil.rmtree(vendor)
                _install(locks, vendor, target, cores, cached=False)
            prune(vendor, survey(vendor, read_rules([DEFAULT_RULES])))
            if strip:
                binaries.strip(vendor, (), cores)
            binaries.compile_folder(scratch, target, cores)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # of an error
    return folder


def _install(locks: Sequence[Path], vendor: Path, target: Target, cores: Executor, *, cached: bool = True) -> None:
    # oss2 and the SDK's core come as source only: these few pure packages are built, in an environment of their own.
    for lock in locks:
        resolve.install(lock, vendor, target, wheels_only=False, cached=cached)
    check_installed(vendor, lambda _: True, cores)
