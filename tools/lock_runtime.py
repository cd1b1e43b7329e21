"""Resolve the loading library's requirements into the locks that come with it, for each runtime of the cloud."""

from __future__ import annotations

from heavylift.build import resolve
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target

PYTHONS = ("3.10", "3.11", "3.12")

for python in PYTHONS:
    resolve.lock(
        resolve.RUNTIME, resolve.RUNTIME.parent / "locks", Target(python, DEFAULT_PLATFORM), extra=resolve.EXTRA
    )
