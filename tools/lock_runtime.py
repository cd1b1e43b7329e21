"""Resolve the loading library's requirements into its locks, for each runtime and for the Python of development."""

from __future__ import annotations

from heavylift.build import resolve
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target

DEVELOPMENT = "3.11"  # which the embedded cloud runs functions on where a runtime's own Python is missing

for python in sorted({DEVELOPMENT, *(runtime.target.python for runtime in RUNTIMES.values())}):
    resolve.lock(
        resolve.RUNTIME,
        resolve.RUNTIME.parent / "locks",
        Target(python, DEFAULT_PLATFORM),
        extra=resolve.EXTRA,
        wheels_only=False,
    )
