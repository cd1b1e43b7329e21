"""Chooses the versions of the vendored packages: those that come with the loader, and of what these need, the function's own.

They come before the applib on the path, and a process has one version of a package. So what only comes along with the loader's
requirements (requests, urllib3, cryptography, …) is taken from the function's lock where that has it.
"""

from __future__ import annotations

from pathlib import Path

from heavylift.build import resolve
from heavylift.build.names import normalize
from heavylift.contracts.platform import Target


def lock_vendor(applib: Path, locks: Path, target: Target) -> tuple[list[Path], list[str]]:
    """Return the locks of the vendored packages, and where a function does not get what its lock says.

    Args:
        applib: the lock of the function's requirements.
        locks: the folder for locks that are written.
        target: what to resolve for.

    Returns:
        The locks, each to be installed by itself, since each has its own indexes; and the packages that the loader itself calls,
        which stay its own, where the function's lock has another version: `oss2==2.19.1, not oss2==2.18.4`.

    Raises:
        BuildError: nothing satisfies the loader's requirements.
    """
    own = resolve.lock_runtime(locks, target)
    wanted = {_name(entry): entry for entry in resolve.read_lock(applib)}
    entries = {_name(entry): entry for entry in resolve.read_lock(own)}
    called = set(resolve.read_requested(resolve.RUNTIME))
    others = {name for name in entries.keys() & wanted.keys() if _pin(entries[name]) != _pin(wanted[name])}
    unmet = [f"{_pin(entries[name])}, not {_pin(wanted[name])}" for name in sorted(others & called)]
    taken = sorted(others - called)
    if not taken:
        return [own], unmet
    locks.mkdir(parents=True, exist_ok=True)
    loaders, functions = locks / f"loader-{target}.txt", locks / f"function-{target}.txt"
    resolve.write_lock(
        loaders, resolve.read_sources(own), [entry for name, entry in entries.items() if name not in taken]
    )
    resolve.write_lock(functions, resolve.read_sources(applib), [wanted[name] for name in taken])
    return [loaders, functions], unmet


def _name(entry: str) -> str:
    return normalize(resolve.entry_name(entry))


def _pin(entry: str) -> str:
    """Return what an entry asks for, without its hashes: `urllib3==2.8.0`."""
    return entry.split()[0]
