"""Errors of a disk without room for the CDK, which unpacks its packages and copies assets: Python's, and those of Node.js."""

from __future__ import annotations

import errno
import re
import tempfile

from heavylift.cdk.errors import InfraError
from heavylift.contracts.jsii import ROOM

_COPIED = re.compile(r" -> '(.+/asset\..+)'")  # Node.js, the error of `copyFile`, with the CDK's name of an asset


def explain_room(error: BaseException) -> InfraError | None:
    """Return what an error of a full disk is to its user; None for any other error."""
    if getattr(error, "errno", None) != errno.ENOSPC and not str(error).startswith("ENOSPC"):
        return None
    if copied := _COPIED.search(str(error)):
        return InfraError(f"there is no room for {copied[1]}, which the CDK copies of an asset: make some there")
    return InfraError(
        f"there is no room in {tempfile.gettempdir()}, or in the cache, for the CDK, which needs {ROOM} MB: make some, or name "
        "another folder in TMPDIR"
    )
