"""The CDK's packages, unpacked once and loaded by one process at a time.

jsii unpacks them at each run (3 s) unless its cache is enabled. That cache is not made for two: a process that finds its lock taken
fails at once (EEXIST), one that was killed while it unpacked leaves half a package, which all later ones take for whole, and a lock
is taken for left over after five seconds. So heavylift has a cache of its own, behind a lock that waits, and that ends with its
holder; what nobody finished is removed by the next one.

Source: jsii's runtime, lib/program.js, DiskCache and extractViaCache.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jsii import JSIIAssembly

from heavylift.build.errors import BuildError
from heavylift.build.options import users_cache

PATIENCE = 120.0  # seconds until a process that holds the lock, and does nothing, is not waited for any more
_ENABLED, _ROOT = "JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"
_MARKER = ".jsii-runtime-package-cache"  # in the folder of a package that was unpacked to its end
_DIGEST = "[0-9a-f]" * 64  # the folder's name, below NAME/VERSION or @SCOPE/NAME/VERSION


@functools.cache
def load_one_at_a_time() -> None:
    """Have jsii keep what it unpacks, and have its packages loaded by one process at a time; a cache of the user's own stays.

    A package that was imported before has started jsii without a cache: it was unpacked for this run alone.
    """
    try:
        root = users_cache() / "jsii"
        if os.environ.get(_ROOT, str(root)) != str(root) or (_ENABLED in os.environ and _ROOT not in os.environ):
            return
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / "lock").open("a")
    except (BuildError, OSError):  # nobody can keep anything here
        return
    with _held(lock) as alone:
        if alone:
            _remove_unfinished(root)
    os.environ |= {_ENABLED: "enabled", _ROOT: str(root)}
    load: Any = JSIIAssembly.load

    def load_alone(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - jsii's
        with _held(lock):
            return load(*arguments, **options)

    JSIIAssembly.load = load_alone  # type: ignore[method-assign] # each package calls it when it is imported


@contextmanager
def _held(lock: IO[str]) -> Iterator[bool]:
    """Hold a lock, and yield True; False: somebody else has held it for `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not (taken := _try(lock)) and time.monotonic() < end:
        time.sleep(0.02)
    try:
        yield taken
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _try(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_unfinished(root: Path) -> None:
    """Remove what processes left that were killed; whoever calls this holds the lock."""
    for pattern in (f"*/*/{_DIGEST}", f"@*/*/*/{_DIGEST}"):
        for left in root.glob(f"{pattern}.lock"):
            left.unlink(missing_ok=True)
        for folder in root.glob(pattern):
            if not (folder / _MARKER).exists():
                shutil.rmtree(folder, ignore_errors=True)
