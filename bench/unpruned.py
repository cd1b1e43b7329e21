"""Our archive with everything that pip installs, as pip installs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.scratch import scratch_root, timed_build
from heavylift.build.errors import BuildError
from heavylift.contracts.manifest import Archive
from heavylift.errors import HeavyliftError


def unpruned_archive(root: Path, folder: Path) -> Archive:
    """Build the applib without pruning and stripping.

    Raises:
        HeavyliftError: it cannot be built.
    """
    scratch = scratch_root(root, folder)
    try:
        manifest, _, _ = timed_build(scratch, prune=False, strip=False)
    except BuildError as error:
        raise HeavyliftError(str(error)) from error
    shutil.rmtree(scratch / ".cache")  # gigabytes that nobody needs again
    assert manifest.applib is not None
    return manifest.applib
